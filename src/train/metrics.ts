import { argmax } from '../core/argmax.ts';
import { checkLabels } from '../data/dataset.ts';

/**
 * Share of samples whose target is among the `k` classes with the highest logits.
 *
 *     |{n : rank(logits[n], target[n]) < k}| / N
 *
 * **Shapes**: logits `[N, classes]` row-major, targets `[N]`.
 * Among equal logits the lower class index ranks first.
 *
 * @example topKAccuracy([0.1, 0.7, 0.2], [2], 2) // 1
 */
export const topKAccuracy = (logits: ArrayLike<number>, targets: ArrayLike<number>, k: number): number =>
  countTopK(logits, targets, k) / targets.length;

/** How many samples have their target among the `k` highest logits: the numerator of `topKAccuracy`. */
export function countTopK(logits: ArrayLike<number>, targets: ArrayLike<number>, k: number): number {
  const classes = logits.length / targets.length;
  let hits = 0;
  for (let row = 0; row < targets.length; row++) {
    const base = row * classes;
    const own = logits[base + targets[row]];
    let rank = 0;
    for (let c = 0; c < classes; c++) {
      const other = logits[base + c];
      if (other > own || (other === own && c < targets[row])) rank++;
    }
    if (rank < k && !Number.isNaN(own)) hits++;
  }
  return hits;
}

/**
 * Probabilities of one row of logits.
 *
 *     p[c] = exp(z[c] − max z) / Σ exp(z − max z)
 *
 * In f64; the maximum is taken out first, so large logits do not overflow.
 */
export function softmaxRow(logits: ArrayLike<number>, offset = 0, width: number = logits.length): Float64Array {
  const top = logits[offset + argmax(logits, offset, width)];
  const powers = Float64Array.from({ length: width }, (_, c) => Math.exp(logits[offset + c] - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / sum);
}

/**
 * How often class `truth` was taken for class `guess`: `counts[truth][guess]`, square.
 *
 * - `predictions`, `targets` class indices from 0 to `classes` − 1, one each for every sample
 *
 * **Throws** `DataError` if they are not as many, or naming the first that is no class.
 *
 * @example confusionMatrix([0, 1, 1], [0, 1, 0], 2) // [[1, 1], [0, 1]]
 */
export function confusionMatrix(predictions: ArrayLike<number>, targets: ArrayLike<number>, classes: number): number[][] {
  const { length } = targets;
  checkLabels({ name: 'confusion matrix: targets', length, classes, labels: targets });
  checkLabels({ name: 'confusion matrix: predictions', length, classes, labels: predictions });
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let i = 0; i < targets.length; i++) counts[targets[i]][predictions[i]]++;
  return counts;
}

export interface ClassScore {
  /** Share of the samples called this class that are of it; 0 if none was called so. */
  precision: number;
  /** Share of the samples of this class that were called so; 0 if there is none. */
  recall: number;
  /** Harmonic mean of precision and recall. */
  f1: number;
  /** Number of samples of this class. */
  support: number;
}

/**
 * Precision, recall and F1 of every class from a confusion matrix `counts[truth][guess]`.
 *
 * **Source**: scikit-learn, `precision_recall_fscore_support` with `zero_division=0`.
 */
export function classScores(counts: readonly (readonly number[])[]): ClassScore[] {
  const ratio = (a: number, b: number) => (b === 0 ? 0 : a / b);
  return counts.map((row, c) => {
    const support = row.reduce((a, b) => a + b, 0);
    const called = counts.reduce((sum, other) => sum + other[c], 0);
    return { precision: ratio(row[c], called), recall: ratio(row[c], support), f1: ratio(2 * row[c], support + called), support };
  });
}
