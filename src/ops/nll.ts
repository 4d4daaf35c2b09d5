import { sizeOf } from '../core/shape.ts';
import { plainKernel } from '../graph/lowering.ts';
import { defineOp, none } from '../graph/op.ts';
import { apply, type Tensor } from '../graph/tensor.ts';
import { real } from './check.ts';
import { checkScores, targetAttrs, totalWeight } from './targets.ts';

export const nllLossGradOp = defineOp({
  name: 'nllLossGrad',
  doc: 'Gradient of nllLoss with respect to the log-probabilities: −w_yi/Σw at the target of every row that counts, 0 elsewhere.',
  inputs: [
    { name: 'logProbabilities', doc: 'Gives the shape, [N,C]' },
    { name: 'target', doc: 'Class index of every row, [N]', dtype: 'i32', domain: 'labels' },
    { name: 'gradLoss', doc: 'Gradient of the loss, a scalar' },
  ],
  outputs: ['gradLogProbabilities'],
  attrs: targetAttrs,
  infer: ({ inputs: [logProbabilities, target], attrs: { classWeights }, where }) => {
    checkScores(logProbabilities!.shape, target!.shape, classWeights, where);
    return [logProbabilities!];
  },
  eval: ({ inputs: [, target, gradLoss], outputs: [dx], inputTypes, attrs: { classWeights, ignoreIndex } }) => {
    const [rows, classes] = inputTypes[0]!.shape;
    const total = totalWeight({ target: target!, classes, classWeights, ignoreIndex, where: 'nllLossGrad' });
    dx.fill(0);
    for (let i = 0; i < rows; i++) {
      const y = target![i];
      if (y !== ignoreIndex) dx[i * classes + y] = (-gradLoss![0] * (classWeights ? classWeights[y] : 1)) / total;
    }
  },
  grad: none('second derivatives are not needed'),
  lower: { onednn: plainKernel },
  cost: ({ inputs: [, target] }) => 2 * sizeOf(target!.shape),
  traits: {},
  inPlace: {},
  examples: [{ shapes: [[4, 10], [4], []] }, { shapes: [[3, 3], [3], []], attrs: { classWeights: [1, 2, 0.5] } }],
});

export const nllLossOp = defineOp({
  name: 'nllLoss',
  doc: 'Mean negative log-likelihood of the target classes: Σ_i w_yi·(−x_i,yi) / Σ_i w_yi.',
  inputs: [
    { name: 'logProbabilities', doc: 'Log-probabilities, [N,C]' },
    { name: 'target', doc: 'Class index of every row, [N]', dtype: 'i32', domain: 'labels' },
  ],
  outputs: ['loss'],
  attrs: targetAttrs,
  infer: ({ inputs: [logProbabilities, target], attrs: { classWeights }, where }) => {
    checkScores(logProbabilities!.shape, target!.shape, classWeights, where);
    return [real([])];
  },
  eval: ({ inputs: [x, target], outputs: [loss], inputTypes, attrs: { classWeights, ignoreIndex } }) => {
    const [rows, classes] = inputTypes[0]!.shape;
    const total = totalWeight({ target: target!, classes, classWeights, ignoreIndex, where: 'nllLoss' });
    let lost = 0;
    for (let i = 0; i < rows; i++) {
      const y = target![i];
      if (y !== ignoreIndex) lost -= (classWeights ? classWeights[y] : 1) * x![i * classes + y];
    }
    loss[0] = lost / total;
  },
  grad: ({ inputs: [logProbabilities, target], gradOutputs: [gradLoss], attrs }) =>
    apply(nllLossGradOp, [logProbabilities, target, gradLoss], attrs),
  lower: { onednn: plainKernel },
  cost: ({ inputs: [, target] }) => 2 * sizeOf(target!.shape),
  traits: {},
  inPlace: {},
  examples: [
    { shapes: [[4, 10], [4]] },
    { shapes: [[1, 1], [1]] },
    { shapes: [[5, 3], [5]], attrs: { classWeights: [1, 2, 0.5] } },
    { shapes: [[6, 3], [6]], attrs: { ignoreIndex: 1 } },
  ],
});

export interface NllLossOptions {
  /** Weight w of every class, 0 or more; default all alike. */
  classWeights?: readonly number[] | null;
  /** Rows with this target do not count; default −100. */
  ignoreIndex?: number;
}

/**
 * Mean negative log-likelihood of the target classes; after `logSoftmax` it makes the cross-entropy.
 *
 *     loss = Σ_i w_yi·(−x_i,yi) / Σ_i w_yi   over the rows that count
 *
 * **Shapes**: logProbabilities `[N,C]`, target i32 `[N]`; loss `[]`.
 *
 * - `classWeights` w, C numbers from 0, default all 1
 * - `ignoreIndex` target of rows that do not count, default −100
 *
 * Numerics: summed in f64; NaN of a target's class makes the loss NaN.
 *
 * **Throws** `ShapeError` if shapes do not fit; when it runs, `DataError` for a target that is no class and `NumericError` if no row counts.
 *
 * **Source**: `torch.nn.NLLLoss` with `reduction='mean'`. PyTorch returns NaN where no row counts.
 *
 * @example const loss = nllLoss(logSoftmax(logits), target);
 */
export const nllLoss = (logProbabilities: Tensor, target: Tensor, options: NllLossOptions = {}): Tensor =>
  apply(nllLossOp, [logProbabilities, target], { ...options })[0];
