import { sizeOf } from '../core/shape.ts';
import { attr } from '../graph/attrs.ts';
import { plainKernel } from '../graph/lowering.ts';
import { defineOp, none } from '../graph/op.ts';
import { apply, type Tensor } from '../graph/tensor.ts';
import { expectSame, real } from './check.ts';

export const runningUpdateOp = defineOp({
  name: 'runningUpdate',
  doc: 'Moves a running statistic towards the batch’s, in place: running ← (1 − momentum)·running + momentum·statistic·n/(n − 1).',
  inputs: [
    { name: 'running', doc: '[C]', constant: true },
    { name: 'statistic', doc: '[C]', constant: true },
  ],
  outputs: ['running'],
  attrs: {
    momentum: attr.number({ doc: 'Weight of the new batch.', min: 0, max: 1, default: 0.1 }),
    unbiasCount: attr.int({ doc: 'n, the values a biased variance was taken over; 0 leaves the statistic as it is.', min: 0, default: 0 }),
  },
  infer: ({ inputs: [running, statistic], where }) => {
    expectSame(where, 'running', running!, 'statistic', statistic!);
    return [real(running!.shape)];
  },
  eval: ({ inputs, outputs: [running], attrs: { momentum, unbiasCount } }) => {
    const statistic = inputs[1]!;
    const factor = unbiasCount > 1 ? (momentum * unbiasCount) / (unbiasCount - 1) : momentum;
    for (let c = 0; c < running.length; c++) running[c] = (1 - momentum) * running[c] + factor * statistic[c];
  },
  grad: none('running statistics have no gradient'),
  lower: { onednn: plainKernel },
  cost: ({ inputs: [running] }) => 3 * sizeOf(running!.shape),
  traits: {},
  inPlace: { 0: 0 },
  examples: [{ shapes: [[17], [17]] }, { shapes: [[3], [3]], attrs: { momentum: 0.3, unbiasCount: 8 } }],
});

/**
 * Moves batch norm's running statistics towards those of a batch, in place.
 *
 *     runningMean ← (1 − momentum)·runningMean + momentum·mean
 *     runningVar ← (1 − momentum)·runningVar + momentum·variance·count/(count − 1)
 *
 * **Shapes**: all `[C]`; the running ones are states of the graph, `variance` is biased.
 *
 * - `momentum`: 0 … 1, default 0.1; the weight of the new batch.
 * - `count`: from 2; values per channel in the batch, N·H·W.
 *
 * A layer that is applied twice moves them twice, one after the other.
 *
 * **Source**: conventions of `torch.nn.BatchNorm2d`.
 *
 * @example runningUpdate(runningMean, runningVar, mean, variance, { count: 64 * 28 * 28 });
 */
export function runningUpdate(
  runningMean: Tensor,
  runningVar: Tensor,
  mean: Tensor,
  variance: Tensor,
  { momentum = 0.1, count }: { momentum?: number; count: number },
): void {
  const { graph } = mean;
  apply(runningUpdateOp, [graph.latest(runningMean), mean], { momentum });
  apply(runningUpdateOp, [graph.latest(runningVar), variance], { momentum, unbiasCount: count });
}
