import { sizeOf } from '../core/shape.ts';
import { attr } from '../graph/attrs.ts';
import { elementwiseKernel, reductionKernel } from '../graph/lowering.ts';
import { defineOp, none } from '../graph/op.ts';
import { apply, type Tensor } from '../graph/tensor.ts';
import { real } from './check.ts';

const attrs = { factor: attr.number({ doc: 'Strength of the penalty', min: 0 }) };

export const l2PenaltyGradOp = defineOp({
  name: 'l2PenaltyGrad',
  doc: 'Gradient of l2Penalty with respect to one parameter: 2·factor·w times the loss’s gradient.',
  inputs: [
    { name: 'parameter', doc: 'The parameter w' },
    { name: 'gradLoss', doc: 'Gradient of the penalty, a scalar' },
  ],
  outputs: ['gradParameter'],
  attrs,
  infer: ({ inputs: [parameter] }) => [parameter!],
  eval: ({ inputs: [w, gradLoss], outputs: [dw], attrs: { factor } }) => {
    const scale = 2 * factor * gradLoss![0];
    for (let i = 0; i < dw.length; i++) dw[i] = scale * w![i];
  },
  grad: none('second derivatives are not needed'),
  lower: { onednn: () => elementwiseKernel(0) },
  cost: ({ outputs: [dw] }) => sizeOf(dw.shape),
  traits: { elementwise: true },
  inPlace: {},
  examples: [{ shapes: [[16, 3, 5, 5], []], attrs: { factor: 0.1 } }],
});

export const l2PenaltyOp = defineOp({
  name: 'l2Penalty',
  doc: 'Sum of the squares of all elements of all parameters, times a factor: λ·Σ w².',
  inputs: [{ name: 'parameters', doc: 'Parameters of any shapes', variadic: true }],
  outputs: ['penalty'],
  attrs,
  infer: () => [real([])],
  eval: ({ inputs, outputs: [penalty], attrs: { factor } }) => {
    let sum = 0;
    for (const w of inputs) for (let i = 0; i < w!.length; i++) sum += w![i] * w![i];
    penalty[0] = factor * sum;
  },
  grad: ({ inputs, gradOutputs: [gradLoss], needs, attrs: given }) =>
    inputs.map((w, i) => (needs[i] ? apply(l2PenaltyGradOp, [w, gradLoss], given)[0] : undefined)),
  lower: { onednn: reductionKernel },
  cost: ({ inputs }) => inputs.reduce((flops, w) => flops + 2 * sizeOf(w!.shape), 0),
  traits: {},
  inPlace: {},
  examples: [
    { shapes: [[10, 17]], attrs: { factor: 0.5 } },
    { shapes: [[3, 3, 5, 5], [3], [10, 12]], attrs: { factor: 1e-3 } },
  ],
});

/**
 * L2 penalty on parameters: added to a loss it keeps them small.
 *
 *     penalty = factor · Σ w²   over all elements of all parameters
 *
 * **Shapes**: parameters of any shapes; penalty `[]`.
 *
 * - `factor` λ, 0 or more; no default
 *
 * Numerics: squares are summed in f64. The optimizers' `weightDecay` d gives the gradient d·w: the same as factor d/2 here.
 *
 * **Source**: the course's λ·Σ W²; without the factor ½ that some texts have.
 *
 * @example const loss = add(data, l2Penalty([weight], 1e-4));
 */
export const l2Penalty = (parameters: readonly Tensor[], factor: number): Tensor => apply(l2PenaltyOp, parameters, { factor })[0];
