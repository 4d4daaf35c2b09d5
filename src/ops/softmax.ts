import { ShapeError } from '../core/errors.ts';
import type { NumberArray } from '../core/ndarray.ts';
import { formatShape, type Shape, sizeOf } from '../core/shape.ts';
import { defineOp, type Example, none } from '../graph/op.ts';
import { apply, type Tensor } from '../graph/tensor.ts';
import { expectSame } from './check.ts';

/** Calls `line(offset, stride, count)` for every line along axis 1. */
function eachLine(shape: Shape, line: (offset: number, stride: number, count: number) => void): void {
  const [batch, classes] = shape;
  const inner = sizeOf(shape.slice(2));
  for (let n = 0; n < batch; n++) for (let i = 0; i < inner; i++) line(n * classes * inner + i, inner, classes);
}

type Line = (src: NumberArray, dst: NumberArray, offset: number, stride: number, count: number) => void;
type GradLine = (y: NumberArray, dy: NumberArray, dx: NumberArray, offset: number, stride: number, count: number) => void;

function maximum(x: NumberArray, offset: number, stride: number, count: number): number {
  let max = -Infinity;
  for (let c = 0; c < count; c++) max = Math.max(max, x[offset + c * stride]);
  return max;
}

const softmaxLine: Line = (x, y, offset, stride, count) => {
  const max = maximum(x, offset, stride, count);
  let sum = 0;
  for (let c = 0; c < count; c++) sum += Math.exp(x[offset + c * stride] - max);
  for (let c = 0; c < count; c++) y[offset + c * stride] = Math.exp(x[offset + c * stride] - max) / sum;
};

const logSoftmaxLine: Line = (x, y, offset, stride, count) => {
  const max = maximum(x, offset, stride, count);
  let sum = 0;
  for (let c = 0; c < count; c++) sum += Math.exp(x[offset + c * stride] - max);
  const shift = max + Math.log(sum);
  for (let c = 0; c < count; c++) y[offset + c * stride] = x[offset + c * stride] - shift;
};

const softmaxGradLine: GradLine = (y, dy, dx, offset, stride, count) => {
  let dot = 0;
  for (let c = 0; c < count; c++) dot += y[offset + c * stride] * dy[offset + c * stride];
  for (let c = 0; c < count; c++) dx[offset + c * stride] = y[offset + c * stride] * (dy[offset + c * stride] - dot);
};

const logSoftmaxGradLine: GradLine = (y, dy, dx, offset, stride, count) => {
  let sum = 0;
  for (let c = 0; c < count; c++) sum += dy[offset + c * stride];
  for (let c = 0; c < count; c++) dx[offset + c * stride] = dy[offset + c * stride] - Math.exp(y[offset + c * stride]) * sum;
};

interface Row {
  name: 'softmax' | 'logSoftmax';
  doc: string;
  logarithm: boolean;
  line: Line;
  gradLine: GradLine;
}

const shapes: readonly Shape[] = [
  [4, 10],
  [1, 1],
  [3, 17],
  [2, 3, 3, 5],
];
const repeated = (times: number): Example[] => shapes.map((shape) => ({ shapes: new Array<Shape>(times).fill(shape) }));

function family({ name, doc, logarithm, line, gradLine }: Row) {
  const gradOp = defineOp({
    name: `${name}Grad`,
    doc: `Gradient of ${name} with respect to its input, from its result y and the gradient dy that arrives there.`,
    inputs: [
      { name: 'y', doc: `Result of ${name}`, domain: 'positive' },
      { name: 'dy', doc: 'Gradient of y' },
    ],
    outputs: ['dx'],
    attrs: {},
    infer: ({ inputs: [y, dy], where }) => {
      expectSame(where, 'y', y!, 'dy', dy!);
      return [y!];
    },
    eval: ({ inputs: [y, dy], outputs: [dx], inputTypes }) =>
      eachLine(inputTypes[0]!.shape, (offset, stride, count) => gradLine(y!, dy!, dx, offset, stride, count)),
    grad: none('second derivatives are not needed'),
    lower: {
      onednn: () => [
        {
          kind: 'softmax',
          logarithm,
          direction: 'backward',
          axis: 1,
          dst: { of: { in: 0 }, layout: 'plain' },
          diffDst: { of: { in: 1 }, layout: 'plain' },
          diffSrc: { of: { out: 0 }, layout: 'plain' },
        },
      ],
    },
    cost: ({ outputs: [dx] }) => 4 * sizeOf(dx.shape),
    traits: {},
    inPlace: {},
    examples: repeated(2),
  });
  const op = defineOp({
    name,
    doc,
    inputs: [{ name: 'x', doc: 'Scores, [N,C] or [N,C,…]' }],
    outputs: ['y'],
    attrs: {},
    infer: ({ inputs: [x], where }) => {
      if (x!.shape.length < 2) throw new ShapeError({ where, expected: 'x [N,C] or [N,C,…]', got: formatShape(x!.shape) });
      return [x!];
    },
    eval: ({ inputs: [x], outputs: [y], inputTypes }) =>
      eachLine(inputTypes[0]!.shape, (offset, stride, count) => line(x!, y, offset, stride, count)),
    grad: ({ outputs: [y], gradOutputs: [dy] }) => apply(gradOp, [y, dy]),
    lower: {
      onednn: () => [
        {
          kind: 'softmax',
          logarithm,
          direction: 'forward',
          axis: 1,
          src: { of: { in: 0 }, layout: 'plain' },
          dst: { of: { out: 0 }, layout: 'plain' },
        },
      ],
    },
    cost: ({ outputs: [y] }) => 5 * sizeOf(y.shape),
    traits: { sight: () => 'position', shares: logarithm ? undefined : true },
    inPlace: {},
    examples: repeated(1),
  });
  return { op, gradOp };
}

export const { op: softmaxOp, gradOp: softmaxGradOp } = family({
  name: 'softmax',
  doc: 'Turns scores into probabilities along axis 1: y_c = exp(x_c) / Σ_k exp(x_k).',
  logarithm: false,
  line: softmaxLine,
  gradLine: softmaxGradLine,
});

export const { op: logSoftmaxOp, gradOp: logSoftmaxGradOp } = family({
  name: 'logSoftmax',
  doc: 'Logarithm of the softmax along axis 1: y_c = x_c − log Σ_k exp(x_k).',
  logarithm: true,
  line: logSoftmaxLine,
  gradLine: logSoftmaxGradLine,
});

/**
 * Turns scores into probabilities along axis 1.
 *
 *     y_c = exp(x_c) / Σ_k exp(x_k)
 *
 * **Shapes**: x `[N,C]` or `[N,C,…]`; y the same.
 *
 * Numerics: the largest score is subtracted first, so large scores do not overflow. A NaN makes its whole line NaN on the reference engine, as
 * in PyTorch; of oneDNN only the NaN itself is sure to stay one, the rest of its line may be 0.
 * For training use `crossEntropy` on the scores themselves: it contains the softmax.
 *
 * **Source**: `torch.nn.functional.softmax` with `dim=1`.
 *
 * @example const probabilities = softmax(logits);
 */
export const softmax = (x: Tensor): Tensor => apply(softmaxOp, [x])[0];

/**
 * Logarithm of the softmax along axis 1; with `nllLoss` it makes `crossEntropy`.
 *
 *     y_c = x_c − log Σ_k exp(x_k)
 *
 * **Shapes**: x `[N,C]` or `[N,C,…]`; y the same.
 *
 * Numerics: the natural logarithm; the largest score is subtracted first. A NaN makes its whole line NaN on the reference engine, as in
 * PyTorch; of oneDNN only the NaN itself is sure to stay one, the rest of its line may be −∞.
 *
 * **Source**: `torch.nn.functional.log_softmax` with `dim=1`.
 *
 * @example const loss = nllLoss(logSoftmax(logits), target);
 */
export const logSoftmax = (x: Tensor): Tensor => apply(logSoftmaxOp, [x])[0];
