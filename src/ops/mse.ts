import { sizeOf } from '../core/shape.ts';
import { plainKernel } from '../graph/lowering.ts';
import { defineOp, none } from '../graph/op.ts';
import { apply, type Tensor } from '../graph/tensor.ts';
import { expectSame, real } from './check.ts';

export const mseLossGradOp = defineOp({
  name: 'mseLossGrad',
  doc: 'Gradient of mseLoss with respect to a: 2·(a − b)/n times the loss’s gradient.',
  inputs: [
    { name: 'a', doc: 'The array whose gradient is wanted' },
    { name: 'b', doc: 'The other array' },
    { name: 'gradLoss', doc: 'Gradient of the loss, a scalar' },
  ],
  outputs: ['gradA'],
  attrs: {},
  infer: ({ inputs: [a, b], where }) => {
    expectSame(where, 'a', a!, 'b', b!);
    return [a!];
  },
  eval: ({ inputs: [a, b, gradLoss], outputs: [da], inputTypes }) => {
    const n = sizeOf(inputTypes[0]!.shape);
    const scale = (2 * gradLoss![0]) / n;
    for (let i = 0; i < n; i++) da[i] = scale * (a![i] - b![i]);
  },
  grad: none('second derivatives are not needed'),
  lower: { onednn: plainKernel },
  cost: ({ outputs: [da] }) => 2 * sizeOf(da.shape),
  traits: {},
  inPlace: {},
  examples: [{ shapes: [[4, 10], [4, 10], []] }],
});

export const mseLossOp = defineOp({
  name: 'mseLoss',
  doc: 'Mean squared error: Σ (a − b)² / n.',
  inputs: [
    { name: 'a', doc: 'Prediction' },
    { name: 'b', doc: 'What it should be, of the same shape' },
  ],
  outputs: ['loss'],
  attrs: {},
  infer: ({ inputs: [a, b], where }) => {
    expectSame(where, 'a', a!, 'b', b!);
    return [real([])];
  },
  eval: ({ inputs: [a, b], outputs: [loss], inputTypes }) => {
    const n = sizeOf(inputTypes[0]!.shape);
    let sum = 0;
    for (let i = 0; i < n; i++) sum += (a![i] - b![i]) ** 2;
    loss[0] = sum / n;
  },
  grad: ({ inputs: [a, b], gradOutputs: [gradLoss], needs }) => [
    needs[0] ? apply(mseLossGradOp, [a, b, gradLoss])[0] : undefined,
    needs[1] ? apply(mseLossGradOp, [b, a, gradLoss])[0] : undefined,
  ],
  lower: { onednn: plainKernel },
  cost: ({ inputs: [a] }) => 3 * sizeOf(a!.shape),
  traits: {},
  inPlace: {},
  examples: [
    {
      shapes: [
        [4, 10],
        [4, 10],
      ],
    },
    { shapes: [[17], [17]] },
    {
      shapes: [
        [2, 3, 3, 5],
        [2, 3, 3, 5],
      ],
    },
  ],
});

/**
 * Mean squared error between two arrays.
 *
 *     loss = Σ (prediction − target)² / n
 *
 * **Shapes**: prediction and target of one shape; loss `[]`.
 *
 * Numerics: summed in f64.
 *
 * **Throws** `ShapeError` if the shapes differ: nothing is broadcast.
 *
 * **Source**: `torch.nn.MSELoss` with `reduction='mean'`.
 *
 * @example const loss = mseLoss(decoded, x);
 */
export const mseLoss = (prediction: Tensor, target: Tensor): Tensor => apply(mseLossOp, [prediction, target])[0];
