import { ShapeError } from '../core/errors.ts';
import { formatShape, type Shape, sizeOf } from '../core/shape.ts';
import { attr } from '../graph/attrs.ts';
import type { Operand } from '../graph/lowering.ts';
import { defineOp, none } from '../graph/op.ts';
import { apply, type Tensor } from '../graph/tensor.ts';
import { expectShape, real } from './check.ts';
import { conv2dExamples } from './conv2d-examples.ts';
import { convForward, convGradInput, convGradWeight, geometryOf } from './conv2d-loops.ts';
import { activate, activationAttr, throughActivation } from './relu.ts';
import {
  dilationAttr,
  inputShapeAttr,
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

const slidingAttrs = {
  stride: strideAttr,
  padding: paddingAttr,
  dilation: dilationAttr,
  groups: attr.int({ doc: 'Groups of channels that do not see each other.', min: 1, default: 1 }),
};
type Sliding = Omit<Window, 'kernel'> & { readonly groups: number };

const slidingOf = ({ stride, padding, dilation, groups }: Sliding) => ({ stride, padding, dilation, groups });
const windowOf = (attrs: Sliding, weight: Shape): Window => ({ ...slidingOf(attrs), kernel: weight.slice(2) });

/** Grouped weights have an axis for the groups in primitives. */
const weightsOperand = (of: Operand['of'], weight: Shape, groups: number): Operand =>
  groups === 1 ? { of } : { of, dims: [groups, weight[0] / groups, ...weight.slice(1)] };

const flops = (y: Shape, weight: Shape): number => 2 * sizeOf(y) * sizeOf(weight.slice(1));

export const conv2dOp = defineOp({
  name: 'conv2d',
  doc: 'Slides learned filters over a picture: y = act(Σ weight·window(x) + bias + addend).',
  inputs: [
    { name: 'x', doc: '[N, C, H, W]' },
    { name: 'weight', doc: '[O, C/groups, kh, kw]' },
    { name: 'bias', doc: '[O]', optional: true },
    { name: 'addend', doc: 'Added before the activation, shape of y.', optional: true },
  ],
  outputs: ['y'],
  attrs: { ...slidingAttrs, activation: activationAttr },
  infer: ({ inputs: [x, weight, bias, addend], attrs, where }) => {
    expectShape(where, 'x', x!, ['N', 'C', 'H', 'W']);
    expectShape(where, 'weight', weight!, ['O', 'C', 'kh', 'kw']);
    const [outputs, perGroup] = weight!.shape;
    if (x!.shape[1] !== perGroup * attrs.groups)
      throw new ShapeError({
        where,
        expected: `${perGroup * attrs.groups} channels (weight ${formatShape(weight!.shape)}${attrs.groups > 1 ? `, groups ${attrs.groups}` : ''})`,
        got: formatShape(x!.shape),
      });
    if (outputs % attrs.groups)
      throw new ShapeError({ where, expected: `output channels divisible by groups ${attrs.groups}`, got: `${outputs}` });
    if (bias) expectShape(where, 'bias', bias, [outputs]);
    const y = [x!.shape[0], outputs, ...windowOutput(windowOf(attrs, weight!.shape), x!.shape, where)];
    if (addend) expectShape(where, 'addend', addend, y);
    return [real(y)];
  },
  eval: ({ inputs: [x, weight, bias, addend], outputs: [y], inputTypes, outputTypes, attrs }) => {
    const shape = outputTypes[0].shape;
    const sum = addend ? Float64Array.from(addend) : new Float64Array(y.length);
    if (bias) addPerChannel(sum, bias, shape);
    convForward(geometryOf(windowOf(attrs, inputTypes[1]!.shape), attrs.groups, inputTypes[0]!.shape, shape), x!, weight!, sum);
    activate(attrs.activation, sum);
    y.set(sum);
  },
  grad: ({ inputs: [x, weight], outputs: [y], gradOutputs: [dy], needs, attrs }) => {
    const dz = throughActivation(attrs.activation, y, dy!);
    const sliding = slidingOf(attrs);
    const dx = needs[0] ? conv2dGradInput(dz, weight!, { ...sliding, inputShape: x!.shape }) : undefined;
    const [dWeight, dBias] =
      needs[1] || needs[2] ? conv2dGradWeight(x!, dz, { ...sliding, weightShape: weight!.shape, withBias: needs[2] === true }) : [];
    return [dx, dWeight, dBias, dz];
  },
  lower: {
    onednn: ({ inputs: [x, weight, bias, addend], outputs: [y], attrs }) => [
      {
        kind: 'convolution',
        direction: 'forward',
        ...spatialOf(windowOf(attrs, weight!.shape), x!.shape, y.shape),
        dilation: attrs.dilation,
        src: { of: { in: 0 } },
        weights: weightsOperand({ in: 1 }, weight!.shape, attrs.groups),
        bias: bias && { of: { in: 2 } },
        dst: { of: { out: 0 } },
        addend: addend && { in: 3 },
        activation: attrs.activation,
      },
    ],
  },
  cost: ({ inputs: [, weight], outputs: [y] }) => flops(y.shape, weight!.shape),
  traits: {
    absorbsActivation: true,
    absorbsAddend: 3,
    channelWeights: { weight: 1, bias: 2 },
    sight: ({ inputs: [x, weight], attrs }) => windowAxes(windowOf(attrs, weight!.shape), x!.shape),
  },
  inPlace: {},
  examples: conv2dExamples,
});

export const conv2dGradInputOp = defineOp({
  name: 'conv2dGradInput',
  doc: 'Gradient of conv2d for its picture: dx = Σ weightᵀ·dy over the windows that hold the pixel.',
  inputs: [
    { name: 'dy', doc: '[N, O, H′, W′]' },
    { name: 'weight', doc: '[O, C/groups, kh, kw]' },
  ],
  outputs: ['dx'],
  attrs: { ...slidingAttrs, inputShape: inputShapeAttr },
  infer: ({ inputs: [dy, weight], attrs, where }) => {
    const output = windowOutput(windowOf(attrs, weight!.shape), attrs.inputShape, where);
    expectShape(where, 'dy', dy!, [attrs.inputShape[0], weight!.shape[0], ...output]);
    return [real(attrs.inputShape)];
  },
  eval: ({ inputs: [dy, weight], outputs: [dx], inputTypes, attrs }) => {
    const window = windowOf(attrs, inputTypes[1]!.shape);
    convGradInput(geometryOf(window, attrs.groups, attrs.inputShape, inputTypes[0]!.shape), dy!, weight!, dx);
  },
  grad: none('second derivatives are not supported'),
  lower: {
    onednn: ({ inputs: [dy, weight], attrs }) => [
      {
        kind: 'convolution',
        direction: 'backwardData',
        ...spatialOf(windowOf(attrs, weight!.shape), attrs.inputShape, dy!.shape),
        dilation: attrs.dilation,
        src: { of: { out: 0 } },
        weights: weightsOperand({ in: 1 }, weight!.shape, attrs.groups),
        // As it lies, for strides: left to choose, oneDNN 3.7 divides by zero where it weighs channels-last for 1×1 windows.
        dst: { of: { in: 0 }, layout: attrs.stride.some((step) => step > 1) ? 'given' : undefined },
      },
    ],
  },
  cost: ({ inputs: [dy, weight] }) => flops(dy!.shape, weight!.shape),
  traits: {},
  inPlace: {},
  examples: none('covered by the gradient of conv2d'),
});

export const conv2dGradWeightOp = defineOp({
  name: 'conv2dGradWeight',
  doc: 'Gradient of conv2d for its filters and bias: dWeight = Σ dy·window(x), dBias = Σ dy.',
  inputs: [
    { name: 'x', doc: '[N, C, H, W]' },
    { name: 'dy', doc: '[N, O, H′, W′]' },
  ],
  outputs: ['dWeight', 'dBias'],
  attrs: {
    ...slidingAttrs,
    weightShape: attr.ints({ doc: 'Shape of the filters.', length: 4, min: 1 }),
    withBias: attr.flag({ doc: 'Whether dBias is made.' }),
  },
  infer: ({ inputs: [x, dy], attrs, where }) => {
    const output = windowOutput(windowOf(attrs, attrs.weightShape), x!.shape, where);
    expectShape(where, 'dy', dy!, [x!.shape[0], attrs.weightShape[0], ...output]);
    return [real(attrs.weightShape), ...(attrs.withBias ? [real([attrs.weightShape[0]])] : [])];
  },
  eval: ({ inputs: [x, dy], outputs: [dWeight, dBias], inputTypes: [xType, dyType], attrs }) => {
    const window = windowOf(attrs, attrs.weightShape);
    convGradWeight(geometryOf(window, attrs.groups, xType!.shape, dyType!.shape), x!, dy!, dWeight);
    if (dBias) sumPerChannel(dBias, dy!, dyType!.shape);
  },
  grad: none('second derivatives are not supported'),
  lower: {
    onednn: ({ inputs: [x, dy], attrs }) => [
      {
        kind: 'convolution',
        direction: 'backwardWeights',
        ...spatialOf(windowOf(attrs, attrs.weightShape), x!.shape, dy!.shape),
        dilation: attrs.dilation,
        src: { of: { in: 0 } },
        weights: weightsOperand({ out: 0 }, attrs.weightShape, attrs.groups),
        bias: attrs.withBias ? { of: { out: 1 } } : undefined,
        dst: { of: { in: 1 } },
      },
    ],
  },
  cost: ({ inputs: [, dy], attrs }) => flops(dy!.shape, attrs.weightShape) + (attrs.withBias ? sizeOf(dy!.shape) : 0),
  traits: {},
  inPlace: {},
  examples: none('covered by the gradient of conv2d'),
});

type Numbers = { [i: number]: number };

function addPerChannel(y: Numbers, bias: Numbers, [batch, channels, ...rest]: Shape): void {
  const plane = sizeOf(rest);
  for (let row = 0; row < batch * channels; row++) {
    const b = bias[row % channels];
    for (let i = row * plane, end = i + plane; i < end; i++) y[i] += b;
  }
}

function sumPerChannel(sums: Numbers, x: Numbers, [batch, channels, ...rest]: Shape): void {
  const plane = sizeOf(rest);
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    for (let n = 0; n < batch; n++) for (let i = (n * channels + c) * plane, end = i + plane; i < end; i++) sum += x[i];
    sums[c] = sum;
  }
}

export interface Conv2dOptions {
  stride?: Pair;
  padding?: Padding;
  dilation?: Pair;
  groups?: number;
}

/**
 * 2-D convolution (as in every framework: a cross-correlation) of a batch of pictures with learned filters.
 *
 *     y[n,o,i,j] = bias[o] + Σ_{c,u,v} weight[o,c,u,v] · x[n, c, i·stride − top + u·dilation, j·stride − left + v·dilation]
 *
 * Pixels outside the picture count as 0. Output size per axis: floor((size + padding − dilation·(kernel − 1) − 1) / stride) + 1.
 *
 * **Shapes**: x `[N, C, H, W]`, weight `[O, C/groups, kh, kw]`, bias `[O]` → y `[N, O, H′, W′]`.
 *
 * - `stride`: px, from 1, default 1; a number or `[h, w]`.
 * - `padding`: px, from 0, default 0; a number, `[h, w]` or `[top, left, bottom, right]`.
 * - `dilation`: px between taps, from 1, default 1.
 * - `groups`: divides C and O, default 1; output channels of a group see only its input channels.
 *
 * Numerics: the reference accumulates in f64, oneDNN in f32.
 *
 * **Throws** `ShapeError` if channels do not fit or the window exceeds the padded picture.
 *
 * **Source**: PyTorch, `torch.nn.functional.conv2d`; padding may also differ per side.
 *
 * @example const y = conv2d(x, weight, bias, { padding: 2 }); // [64,1,28,28], [16,1,5,5] → [64,16,28,28]
 */
export function conv2d(x: Tensor, weight: Tensor, bias?: Tensor, options: Conv2dOptions = {}): Tensor {
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  const attrs = { stride: pairOf(stride), padding: paddingOf(padding), dilation: pairOf(dilation), groups };
  return apply(conv2dOp, [x, weight, bias], attrs)[0];
}

/** Gradient of `conv2d` for x: dy `[N, O, H′, W′]`, weight `[O, C/groups, kh, kw]` → `inputShape`. */
export const conv2dGradInput = (dy: Tensor, weight: Tensor, attrs: Sliding & { inputShape: Shape }): Tensor =>
  apply(conv2dGradInputOp, [dy, weight], attrs)[0];

/** Gradients of `conv2d` for its weight and, with `withBias`, its bias: x, dy → `[dWeight, dBias?]`. */
export const conv2dGradWeight = (x: Tensor, dy: Tensor, attrs: Sliding & { weightShape: Shape; withBias: boolean }): Tensor[] =>
  apply(conv2dGradWeightOp, [x, dy], attrs);
