import { sizeOf } from '../core/shape.ts';
import { attr } from '../graph/attrs.ts';
import { plainKernel } from '../graph/lowering.ts';
import { defineOp, none } from '../graph/op.ts';
import { apply, type Tensor } from '../graph/tensor.ts';
import { expectShape, real } from './check.ts';

export const epsAttr = attr.number({ doc: 'Added to the variance under the root.', min: 0, default: 1e-5 });

/** The small ops by which a scale and shift per channel move into the weights and bias before them. */
const noGradient = none('weights are folded for inference only');

export const channelScaleOp = defineOp({
  name: 'channelScale',
  doc: 'Scale that batch norm applies to a channel: y = weight/√(variance + eps).',
  inputs: [
    { name: 'weight', doc: '[C]' },
    { name: 'variance', doc: '[C]', domain: 'positive' },
  ],
  outputs: ['scale'],
  attrs: { eps: epsAttr },
  infer: ({ inputs: [weight, variance], where }) => {
    expectShape(where, 'weight', weight!, ['C']);
    expectShape(where, 'variance', variance!, weight!.shape);
    return [real(weight!.shape)];
  },
  eval: ({ inputs, outputs: [y], attrs }) => {
    const weight = inputs[0]!;
    const variance = inputs[1]!;
    for (let c = 0; c < y.length; c++) y[c] = weight[c] / Math.sqrt(variance[c] + attrs.eps);
  },
  grad: noGradient,
  lower: { onednn: plainKernel },
  cost: ({ inputs: [weight] }) => 3 * sizeOf(weight!.shape),
  traits: {},
  inPlace: {},
  examples: [{ shapes: [[17], [17]] }, { shapes: [[3], [3]], attrs: { eps: 1e-3 } }],
});

export const channelShiftOp = defineOp({
  name: 'channelShift',
  doc: 'Shift that batch norm applies to a channel: y = bias − mean·scale.',
  inputs: [
    { name: 'bias', doc: '[C]' },
    { name: 'mean', doc: '[C]' },
    { name: 'scale', doc: '[C]' },
  ],
  outputs: ['shift'],
  attrs: {},
  infer: ({ inputs: [bias, mean, scale], where }) => {
    expectShape(where, 'bias', bias!, ['C']);
    expectShape(where, 'mean', mean!, bias!.shape);
    expectShape(where, 'scale', scale!, bias!.shape);
    return [real(bias!.shape)];
  },
  eval: ({ inputs, outputs: [y] }) => {
    const bias = inputs[0]!;
    const mean = inputs[1]!;
    const scale = inputs[2]!;
    for (let c = 0; c < y.length; c++) y[c] = bias[c] - mean[c] * scale[c];
  },
  grad: noGradient,
  lower: { onednn: plainKernel },
  cost: ({ inputs: [bias] }) => 2 * sizeOf(bias!.shape),
  traits: {},
  inPlace: {},
  examples: [{ shapes: [[17], [17], [17]] }],
});

export const scaleRowsOp = defineOp({
  name: 'scaleRows',
  doc: 'Scales the weights of each output channel: y[o,…] = scale[o]·weight[o,…].',
  inputs: [
    { name: 'weight', doc: '[O, …]' },
    { name: 'scale', doc: '[O]' },
  ],
  outputs: ['y'],
  attrs: {},
  infer: ({ inputs: [weight, scale], where }) => {
    expectShape(where, 'scale', scale!, [weight!.shape[0]]);
    return [real(weight!.shape)];
  },
  eval: ({ inputs, outputs: [y] }) => {
    const weight = inputs[0]!;
    const scale = inputs[1]!;
    const row = weight.length / scale.length;
    for (let o = 0; o < scale.length; o++) {
      const s = scale[o];
      for (let i = o * row, end = i + row; i < end; i++) y[i] = s * weight[i];
    }
  },
  grad: noGradient,
  lower: { onednn: plainKernel },
  cost: ({ inputs: [weight] }) => sizeOf(weight!.shape),
  traits: {},
  inPlace: {},
  examples: [{ shapes: [[17, 3, 3, 3], [17]] }, { shapes: [[5, 7], [5]] }],
});

export const foldBiasOp = defineOp({
  name: 'foldBias',
  doc: 'Bias after a scale and shift per channel: y = bias·scale + shift; without a bias y = shift.',
  inputs: [
    { name: 'bias', doc: '[O]', optional: true },
    { name: 'scale', doc: '[O]' },
    { name: 'shift', doc: '[O]' },
  ],
  outputs: ['y'],
  attrs: {},
  infer: ({ inputs: [bias, scale, shift], where }) => {
    expectShape(where, 'scale', scale!, ['O']);
    expectShape(where, 'shift', shift!, scale!.shape);
    if (bias) expectShape(where, 'bias', bias, scale!.shape);
    return [real(scale!.shape)];
  },
  eval: ({ inputs, outputs: [y] }) => {
    const bias = inputs[0];
    const scale = inputs[1]!;
    const shift = inputs[2]!;
    for (let o = 0; o < y.length; o++) y[o] = bias ? bias[o] * scale[o] + shift[o] : shift[o];
  },
  grad: noGradient,
  lower: { onednn: plainKernel },
  cost: ({ inputs: [, scale] }) => 2 * sizeOf(scale!.shape),
  traits: {},
  inPlace: {},
  examples: [{ shapes: [[17], [17], [17]] }, { shapes: [null, [3], [3]] }],
});

/** Scale that batch norm applies per channel, weight/√(variance + eps): all `[C]`. */
export const channelScale = (weight: Tensor, variance: Tensor, eps: number): Tensor =>
  apply(channelScaleOp, [weight, variance], { eps })[0];

/** Shift that batch norm applies per channel, bias − mean·scale: all `[C]`. */
export const channelShift = (bias: Tensor, mean: Tensor, scale: Tensor): Tensor => apply(channelShiftOp, [bias, mean, scale])[0];

/** Weights `[O, …]` whose output channels are scaled by `[O]`. */
export const scaleRows = (weight: Tensor, scale: Tensor): Tensor => apply(scaleRowsOp, [weight, scale])[0];

/** Bias after a scale and shift per channel: bias·scale + shift, or shift where there is no bias; all `[O]`. */
export const foldBias = (bias: Tensor | undefined, scale: Tensor, shift: Tensor): Tensor => apply(foldBiasOp, [bias, scale, shift])[0];
