import { UsageError } from '../core/errors.ts';
import { Rng } from '../core/rng.ts';
import type { Engine } from '../engine/engine.ts';
import { accuracyOf, type KnnMetric, nearestNeighbours, vote } from './knn.ts';
import { checkLabelled, type Rows, roomFor, rowCountOf, takeRows } from './rows.ts';

/** How well one `k` did. */
export interface FoldScores {
  readonly k: number;
  /** Share of each fold that was right. */
  readonly foldAccuracies: readonly number[];
  readonly mean: number;
  /** Standard deviation over the folds, of a sample: divided by folds − 1. */
  readonly spread: number;
}

export interface CrossValidateOptions {
  rows: Rows;
  labels: ArrayLike<number>;
  classes: number;
  /** The numbers of neighbours to try. */
  ks: readonly number[];
  /** Parts, from 2; default 5. */
  folds?: number;
  /** Default `l2`. */
  metric?: KnnMetric;
  /** Decides which row falls into which part; default 0. */
  seed?: number;
  /** Told the share that is done, 0 to 1. */
  onProgress?: (share: number) => void;
}

/**
 * Accuracy of every `k` on the training rows alone: they are dealt into `folds` parts at random, and each part is classified by the others.
 *
 *     mean = 1/F · Σ_f a_f,   spread = √(Σ_f (a_f − mean)² / (F − 1))
 *
 * One search with the largest `k` serves all.
 *
 * **Throws** `UsageError` if `folds` is not between 2 and the rows, or a `k` is not between 1 and the rows outside the largest part; `DataError`
 * if the labels are not one class for each row; what `nearestNeighbours` throws.
 *
 * @example const scores = await crossValidate(engine, { rows, labels, classes: 10, ks: [1, 3, 5] });
 */
export async function crossValidate(engine: Engine, options: CrossValidateOptions): Promise<FoldScores[]> {
  const { rows, labels, classes, ks, folds = 5, metric, seed = 0, onProgress } = options;
  checkLabelled({ rows, labels }, classes, 'cross-validation');
  const count = rowCountOf(rows);
  if (!(Number.isInteger(folds) && folds >= 2 && folds <= count))
    throw new UsageError({ where: 'folds', expected: `2 to ${count}`, got: `${folds}` });
  const most = Math.max(...ks);
  const fewest = count - Math.ceil(count / folds);
  const wrong = ks.length > 0 ? ks.find((k) => !(Number.isInteger(k) && k >= 1 && k <= fewest)) : 'none';
  if (wrong !== undefined)
    throw new UsageError({ where: 'k', expected: `1 to ${fewest}, as many rows as are outside one of ${folds} folds`, got: `${wrong}` });
  const order = new Rng(seed, 'folds').permutation(count);
  const accuracies = ks.map((): number[] => []);
  // The parts' sizes differ by one at most.
  const room = { held: roomFor(rows, Math.ceil(count / folds)), kept: roomFor(rows, count - Math.floor(count / folds)) };
  for (let fold = 0; fold < folds; fold++) {
    const held = order.filter((_, i) => i % folds === fold);
    const kept = order.filter((_, i) => i % folds !== fold);
    const near = await nearestNeighbours(engine, {
      queries: takeRows(rows, held, room.held),
      rows: takeRows(rows, kept, room.kept),
      k: most,
      metric,
      onProgress: (share) => onProgress?.((fold + share) / folds),
    });
    const keptLabels = Int32Array.from(kept, (row) => labels[row]);
    const heldLabels = Int32Array.from(held, (row) => labels[row]);
    ks.forEach((k, i) => {
      accuracies[i].push(accuracyOf(vote(near, keptLabels, classes, k).predictions, heldLabels));
    });
  }
  return ks.map((k, i) => {
    const mean = accuracies[i].reduce((a, b) => a + b, 0) / folds;
    const spread = Math.sqrt(accuracies[i].reduce((sum, a) => sum + (a - mean) ** 2, 0) / (folds - 1));
    return { k, foldAccuracies: accuracies[i], mean, spread };
  });
}

/** The `k` with the highest mean; of equal ones the smallest, which asks fewer neighbours. */
export const bestOf = (scores: readonly FoldScores[]): FoldScores =>
  scores.reduce((best, one) => (one.mean > best.mean || (one.mean === best.mean && one.k < best.k) ? one : best));
