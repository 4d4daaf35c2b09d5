import { sizeOf } from '../core/shape.ts';
import { attr } from '../graph/attrs.ts';
import { plainKernel } from '../graph/lowering.ts';
import { defineOp, none } from '../graph/op.ts';
import { apply, type Tensor } from '../graph/tensor.ts';
import { real } from './check.ts';
import { softmaxGradOp } from './softmax.ts';
import { checkScores, targetAttrs, totalWeight } from './targets.ts';

const attrs = {
  labelSmoothing: attr.number({ doc: 'Share of the target spread evenly over all classes', min: 0, max: 1, default: 0 }),
  ...targetAttrs,
};

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

export const crossEntropyGradOp = defineOp({
  name: 'crossEntropyGrad',
  doc: 'Gradient of crossEntropy with respect to the scores: (1−ε)·w_y·(p − onehot(y))/D + ε/C·(p·Σw − w)/D, times the loss’s gradient.',
  inputs: [
    { name: 'probabilities', doc: 'Softmax of the scores, [N,C]', domain: 'positive' },
    { name: 'target', doc: 'Class index of every row, [N]', dtype: 'i32', domain: 'labels' },
    { name: 'gradLoss', doc: 'Gradient of the loss, a scalar' },
    { name: 'gradProbabilities', doc: 'Gradient of the probabilities, [N,C]', optional: true },
  ],
  outputs: ['gradLogits'],
  attrs,
  infer: ({ inputs: [probabilities, target], attrs: { classWeights }, where }) => {
    checkScores(probabilities!.shape, target!.shape, classWeights, where);
    return [probabilities!];
  },
  eval: ({ inputs: [p, target, gradLoss, gradP], outputs: [dx], inputTypes, attrs: { labelSmoothing, classWeights, ignoreIndex } }) => {
    const [rows, classes] = inputTypes[0]!.shape;
    const total = totalWeight({ target: target!, classes, classWeights, ignoreIndex, where: 'crossEntropyGrad' });
    const weights = classWeights ?? new Array<number>(classes).fill(1);
    const scale = gradLoss![0] / total;
    const spread = (scale * labelSmoothing) / classes;
    const weightSum = sum(weights);
    for (let i = 0; i < rows; i++) {
      const at = i * classes;
      const y = target![i];
      const counts = y !== ignoreIndex;
      const hard = counts ? scale * (1 - labelSmoothing) * weights[y] : 0;
      const soft = counts ? spread : 0;
      const pull = hard + soft * weightSum;
      let dot = 0;
      if (gradP) for (let c = 0; c < classes; c++) dot += p![at + c] * gradP[at + c];
      for (let c = 0; c < classes; c++) {
        const arriving = gradP ? p![at + c] * (gradP[at + c] - dot) : 0;
        dx[at + c] = p![at + c] * pull - soft * weights[c] - (c === y ? hard : 0) + arriving;
      }
    }
  },
  grad: none('second derivatives are not needed'),
  lower: { onednn: plainKernel },
  cost: ({ outputs: [dx] }) => 4 * sizeOf(dx.shape),
  traits: {},
  inPlace: {},
  examples: [
    { shapes: [[4, 10], [4], [], null] },
    { shapes: [[3, 3], [3], [], [3, 3]], attrs: { labelSmoothing: 0.1, classWeights: [1, 2, 0.5] } },
  ],
});

export const crossEntropyOp = defineOp({
  name: 'crossEntropy',
  doc: 'Mean cross-entropy between the softmax of the scores and the target classes: Σ_i w_yi·(−log p_i,yi) / Σ_i w_yi.',
  inputs: [
    { name: 'logits', doc: 'Scores before the softmax, [N,C]' },
    { name: 'target', doc: 'Class index of every row, [N]', dtype: 'i32', domain: 'labels' },
  ],
  outputs: ['loss', 'probabilities'],
  attrs,
  infer: ({ inputs: [logits, target], attrs: { classWeights }, where }) => {
    checkScores(logits!.shape, target!.shape, classWeights, where);
    return [real([]), logits!];
  },
  eval: ({ inputs: [x, target], outputs: [loss, p], inputTypes, attrs: { labelSmoothing, classWeights, ignoreIndex } }) => {
    const [rows, classes] = inputTypes[0]!.shape;
    const total = totalWeight({ target: target!, classes, classWeights, ignoreIndex, where: 'crossEntropy' });
    let lost = 0;
    for (let i = 0; i < rows; i++) {
      const at = i * classes;
      let max = -Infinity;
      for (let c = 0; c < classes; c++) max = Math.max(max, x![at + c]);
      let expSum = 0;
      for (let c = 0; c < classes; c++) {
        const e = Math.exp(x![at + c] - max);
        p[at + c] = e;
        expSum += e;
      }
      for (let c = 0; c < classes; c++) p[at + c] /= expSum;
      const y = target![i];
      if (y === ignoreIndex) continue;
      const shift = max + Math.log(expSum);
      lost += (1 - labelSmoothing) * (classWeights ? classWeights[y] : 1) * (shift - x![at + y]);
      if (labelSmoothing === 0) continue;
      let smooth = 0;
      for (let c = 0; c < classes; c++) smooth += (classWeights ? classWeights[c] : 1) * (shift - x![at + c]);
      lost += (labelSmoothing / classes) * smooth;
    }
    loss[0] = lost / total;
  },
  grad: ({ inputs: [, target], outputs: [, probabilities], gradOutputs: [gradLoss, gradProbabilities], attrs: given }) =>
    gradLoss
      ? apply(crossEntropyGradOp, [probabilities, target, gradLoss, gradProbabilities], given)
      : apply(softmaxGradOp, [probabilities, gradProbabilities]),
  lower: { onednn: plainKernel },
  cost: ({ inputs: [logits] }) => 6 * sizeOf(logits!.shape),
  traits: {},
  inPlace: {},
  examples: [
    { shapes: [[4, 10], [4]] },
    { shapes: [[1, 1], [1]] },
    { shapes: [[5, 17], [5]], attrs: { labelSmoothing: 0.1 } },
    { shapes: [[5, 3], [5]], attrs: { classWeights: [1, 2, 0.5], labelSmoothing: 0.2 } },
    { shapes: [[6, 3], [6]], attrs: { ignoreIndex: 1 } },
  ],
});

export interface CrossEntropyOptions {
  /** ε, 0 … 1; default 0. */
  labelSmoothing?: number;
  /** Weight w of every class, 0 or more; default all alike. */
  classWeights?: readonly number[] | null;
  /** Rows with this target do not count; default −100. */
  ignoreIndex?: number;
}

/**
 * Mean cross-entropy between the softmax of the scores and the target classes: the usual loss of a classifier.
 *
 *     p_i = softmax(x_i),   D = Σ_i w_yi   over the rows that count
 *     loss = Σ_i [ (1 − ε)·w_yi·(−log p_i,yi) + ε/C·Σ_c w_c·(−log p_i,c) ] / D
 *
 * **Shapes**: logits `[N,C]`, target i32 `[N]`; loss `[]`, probabilities `[N,C]`.
 *
 * - `labelSmoothing` ε, 0 … 1, default 0
 * - `classWeights` w, C numbers from 0, default all 1
 * - `ignoreIndex` target of rows that do not count, default −100
 *
 * Numerics: the natural logarithm; the largest score is subtracted first, so no score overflows. A NaN in a row that counts makes the loss NaN.
 * Give it scores, not probabilities: the softmax is inside.
 *
 * **Throws** `ShapeError` if shapes do not fit; when it runs, `DataError` for a target that is no class and `NumericError` if no row counts.
 *
 * **Source**: `torch.nn.CrossEntropyLoss` with `reduction='mean'`; Szegedy et al., "Rethinking the Inception Architecture", section 7
 * (label smoothing). PyTorch returns NaN where no row counts.
 *
 * @example const { loss, probabilities } = crossEntropy(net.forward(x), target, { labelSmoothing: 0.1 });
 */
export function crossEntropy(logits: Tensor, target: Tensor, options: CrossEntropyOptions = {}): { loss: Tensor; probabilities: Tensor } {
  const [loss, probabilities] = apply(crossEntropyOp, [logits, target], { ...options });
  return { loss, probabilities };
}
