import { sizeOf } from '../core/shape.ts';
import { plainKernel } from '../graph/lowering.ts';
import { defineOp, none } from '../graph/op.ts';
import { apply, type Tensor } from '../graph/tensor.ts';
import { expectSame, expectShape, integer, real } from './check.ts';
import {
  ceilModeAttr,
  dilationAttr,
  expectPoolPadding,
  inputShapeAttr,
  kernelAttr,
  type Padding,
  type Pair,
  paddingAttr,
  paddingOf,
  pairOf,
  spatialOf,
  strideAttr,
  type Window,
  windowAxes,
  windowOutput,
} from './window.ts';

const poolAttrs = { kernel: kernelAttr, stride: strideAttr, padding: paddingAttr, dilation: dilationAttr, ceilMode: ceilModeAttr };

const isDense = ({ dilation }: Window): boolean => dilation.every((d) => d === 1);

export const maxPool2dOp = defineOp({
  name: 'maxPool2d',
  doc: 'Largest value of each window: y = max window(x).',
  inputs: [{ name: 'x', doc: '[N, C, H, W]' }],
  outputs: ['y', 'workspace'],
  attrs: poolAttrs,
  infer: ({ inputs: [x], attrs, where }) => {
    expectShape(where, 'x', x!, ['N', 'C', 'H', 'W']);
    expectPoolPadding(attrs, where);
    const y = [x!.shape[0], x!.shape[1], ...windowOutput(attrs, x!.shape, where)];
    return [real(y), integer(y)];
  },
  eval: ({ inputs, outputs: [y, workspace], inputTypes, outputTypes, attrs }) => {
    const x = inputs[0]!;
    const [batch, channels, height, width] = inputTypes[0]!.shape;
    const [, , heightOut, widthOut] = outputTypes[0].shape;
    const [kernelH, kernelW] = attrs.kernel;
    const [strideH, strideW] = attrs.stride;
    const [dilationH, dilationW] = attrs.dilation;
    const [top, left] = attrs.padding;
    let to = 0;
    for (let plane = 0; plane < batch * channels; plane++) {
      const base = plane * height * width;
      for (let r = 0; r < heightOut; r++)
        for (let q = 0; q < widthOut; q++) {
          let best = -Infinity;
          let at = -1;
          for (let i = 0, row = r * strideH - top; i < kernelH; i++, row += dilationH) {
            if (row < 0 || row >= height) continue;
            for (let j = 0, col = q * strideW - left; j < kernelW; j++, col += dilationW) {
              if (col < 0 || col >= width) continue;
              const value = x[base + row * width + col];
              // NaN wins and stays, as in PyTorch; of equals the first one does.
              if (at < 0 || value > best || (Number.isNaN(value) && !Number.isNaN(best))) {
                best = value;
                at = base + row * width + col;
              }
            }
          }
          y[to] = best;
          workspace[to++] = at;
        }
    }
  },
  grad: ({ inputs: [x], outputs: [, workspace], gradOutputs: [dy], attrs }) => [
    apply(maxPool2dGradOp, [dy!, workspace], { ...attrs, inputShape: x!.shape })[0],
  ],
  lower: {
    onednn: ({ inputs: [x], outputs: [y], used, attrs }) =>
      isDense(attrs)
        ? [
            {
              kind: 'pooling',
              algorithm: 'max',
              direction: used[1] ? 'forward' : 'inference',
              kernel: attrs.kernel,
              ...spatialOf(attrs, x!.shape, y.shape),
              src: { of: { in: 0 }, layout: 'given' },
              dst: { of: { out: 0 } },
              workspace: used[1] ? { of: { out: 1 } } : undefined,
            },
          ]
        : plainKernel(),
  },
  cost: ({ outputs: [y], attrs }) => sizeOf(y.shape) * sizeOf(attrs.kernel),
  traits: { sight: ({ inputs: [x], attrs }) => windowAxes(attrs, x!.shape), pools: 'max' },
  inPlace: {},
  examples: [
    { shapes: [[2, 3, 6, 8]], attrs: { kernel: [2, 2], stride: [2, 2] } },
    { shapes: [[1, 17, 7, 5]], attrs: { kernel: [2, 2], stride: [2, 2] } },
    { shapes: [[1, 16, 7, 6]], attrs: { kernel: [3, 3], stride: [2, 2], padding: [1, 1, 1, 1] } },
    { shapes: [[2, 17, 6, 8]], attrs: { kernel: [3, 3], stride: [2, 2], ceilMode: true } },
    { shapes: [[1, 1, 5, 4]], attrs: { kernel: [2, 3], stride: [2, 1], padding: [1, 1, 1, 1], ceilMode: true } },
    { shapes: [[1, 3, 5, 5]], attrs: { kernel: [3, 3], padding: [1, 1, 1, 1] } },
    { shapes: [[1, 3, 9, 8]], attrs: { kernel: [3, 2], stride: [2, 2], dilation: [2, 3], padding: [1, 1, 1, 1] } },
    { shapes: [[1, 3, 6, 5]], attrs: { kernel: [2, 2], stride: [2, 2], padding: [0, 0, 1, 1] } },
  ],
});

export const maxPool2dGradOp = defineOp({
  name: 'maxPool2dGrad',
  doc: 'Gradient of maxPool2d: each dy goes to the pixel that was the maximum.',
  inputs: [
    { name: 'dy', doc: '[N, C, H′, W′]' },
    { name: 'workspace', doc: 'Where the maxima were, as the forward op left it.', dtype: 'i32' },
  ],
  outputs: ['dx'],
  attrs: { ...poolAttrs, inputShape: inputShapeAttr },
  infer: ({ inputs: [dy, workspace], attrs, where }) => {
    const [batch, channels] = attrs.inputShape;
    expectShape(where, 'dy', dy!, [batch, channels, ...windowOutput(attrs, attrs.inputShape, where)]);
    expectSame(where, 'dy', dy!, 'workspace', workspace!);
    return [real(attrs.inputShape)];
  },
  eval: ({ inputs, outputs: [dx] }) => {
    const dy = inputs[0]!;
    const workspace = inputs[1]!;
    const sums = new Float64Array(dx.length);
    for (let i = 0; i < dy.length; i++) if (workspace[i] >= 0) sums[workspace[i]] += dy[i];
    dx.set(sums);
  },
  grad: none('second derivatives are not supported'),
  lower: {
    onednn: ({ inputs: [dy], attrs }) =>
      isDense(attrs)
        ? [
            {
              kind: 'pooling',
              algorithm: 'max',
              direction: 'backward',
              kernel: attrs.kernel,
              ...spatialOf(attrs, attrs.inputShape, dy!.shape),
              src: { of: { out: 0 } },
              dst: { of: { in: 0 } },
              workspace: { of: { in: 1 } },
            },
          ]
        : plainKernel(),
  },
  cost: ({ inputs: [dy] }) => sizeOf(dy!.shape),
  traits: { spreadsTo: 1 },
  inPlace: {},
  examples: none('covered by the gradient of maxPool2d'),
});

export interface MaxPool2dOptions {
  stride?: Pair;
  padding?: Padding;
  dilation?: Pair;
  ceilMode?: boolean;
}

/**
 * Largest value of each window of a picture.
 *
 *     y[n,c,i,j] = max_{u,v} x[n, c, i·stride − top + u·dilation, j·stride − left + v·dilation]
 *
 * **Shapes**: x `[N, C, H, W]` → y `[N, C, H′, W′]`; sizes as in `windowPositions`.
 *
 * - `kernelSize`: px, from 1; a number or `[h, w]`.
 * - `stride`: px, from 1, default `kernelSize`.
 * - `padding`: px, from 0 to half the kernel, default 0; pixels of −∞; a number, `[h, w]` or `[top, left, bottom, right]`.
 * - `dilation`: px between taps, from 1, default 1.
 * - `ceilMode`: round the number of positions up, default false; no window begins in the end padding.
 *
 * Numerics: of equal values the first in row-major order gets the gradient. NaN wins on the reference engine, as in PyTorch, and with a
 * dilation everywhere; oneDNN passes over it, and gives the least f32, −3.4e38, for a window that holds nothing else.
 *
 * **Throws** `ShapeError` if the window exceeds the padded picture or the padding half the kernel.
 *
 * **Source**: PyTorch, `torch.nn.functional.max_pool2d`.
 *
 * @example const y = maxPool2d(x, 2); // [64,16,28,28] → [64,16,14,14]
 */
export function maxPool2d(x: Tensor, kernelSize: Pair, options: MaxPool2dOptions = {}): Tensor {
  const { stride = kernelSize, padding = 0, dilation = 1, ceilMode = false } = options;
  const attrs = { kernel: pairOf(kernelSize), stride: pairOf(stride), padding: paddingOf(padding), dilation: pairOf(dilation), ceilMode };
  return apply(maxPool2dOp, [x], attrs)[0];
}
