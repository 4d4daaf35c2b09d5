import { UsageError } from '../core/errors.ts';
import { checkOptions, oneOf } from '../core/option-ranges.ts';
import { checkLabels } from '../data/dataset.ts';
import type { Engine } from '../engine/engine.ts';
import { Candidates } from './candidates.ts';
import { compareAbsolutely, compareByProducts } from './compare.ts';
import { checkRows, type Rows, rowCountOf, rowOf, squaredNorms } from './rows.ts';

export const knnMetrics = ['l1', 'l2', 'cosine'] as const;
export type KnnMetric = (typeof knnMetrics)[number];

/** The nearest rows of each query, nearest first, `k` to a query. */
export interface Neighbours {
  readonly k: number;
  readonly indices: Int32Array;
}

/** Candidates beyond `k` that single precision may have misplaced; double precision decides among them. */
const spares = 8;

type Distance = (q: ArrayLike<number>, r: ArrayLike<number>) => number;

/** In double precision, up to what does not change the order. */
const distanceOf: Record<KnnMetric, Distance> = {
  l1(q, r) {
    let sum = 0;
    for (let i = 0; i < q.length; i++) sum += Math.abs(q[i] - r[i]);
    return sum;
  },
  l2(q, r) {
    let sum = 0;
    for (let i = 0; i < q.length; i++) sum += (q[i] - r[i]) ** 2;
    return sum;
  },
  cosine(q, r) {
    let dot = 0;
    let norm = 0;
    for (let i = 0; i < q.length; i++) {
      dot += q[i] * r[i];
      norm += r[i] * r[i];
    }
    return norm > 0 ? -dot / Math.sqrt(norm) : 0;
  },
};

export interface NeighbourOptions {
  queries: Rows;
  rows: Rows;
  /** Neighbours wanted, from 1. */
  k: number;
  /** Default `l2`. */
  metric?: KnnMetric;
  /** Told the share that is done, 0 to 1. */
  onProgress?: (share: number) => void;
}

/**
 * The `k` nearest rows of every query, by comparing each query with each row.
 *
 *     l1: Σ |q − r|     l2: ‖r‖² − 2·q·r, the order of ‖q − r‖     cosine: −q·r / ‖r‖
 *
 * **Shapes**: queries `[Q, width]`, rows `[n, width]`, result `[Q, k]`. Equal distances: the lower index first.
 *
 * Numerics: single precision chooses k + 8 candidates – l2 and cosine by the engine's products, l1 in a kernel of its own, exactly where both are
 * bytes – and double precision orders them, so a neighbour can be missed only where more than 8 rows lie as near within single precision of ‖r‖².
 * Memory beside the arguments: blocks of 2048 queries and 512 rows. With cosine, a row of zeros has distance 1.
 *
 * **Throws** `UsageError` if widths differ, there is no such metric or `k` is not between 1 and the number of rows; `ShapeError` if queries or
 * rows are not one or more whole rows; `NumericError` naming the first row or query that is not finite.
 *
 * @example const { indices } = await nearestNeighbours(engine, { queries, rows, k: 5, metric: 'l2' });
 */
export async function nearestNeighbours(
  engine: Engine,
  { queries, rows, k, metric = 'l2', onProgress }: NeighbourOptions,
): Promise<Neighbours> {
  checkOptions({ metric }, { metric: oneOf(knnMetrics) });
  checkRows(queries, 'knn: queries');
  checkRows(rows, 'knn: rows');
  const { width } = rows;
  const [queryCount, rowCount] = [rowCountOf(queries), rowCountOf(rows)];
  if (queries.width !== width)
    throw new UsageError({ where: 'knn', expected: `queries of ${width} numbers, as the rows`, got: `${queries.width}` });
  if (!(Number.isInteger(k) && k >= 1 && k <= rowCount))
    throw new UsageError({ where: 'knn', expected: `k from 1 to ${rowCount}`, got: `${k}` });
  squaredNorms(queries, 'query');
  const norms = squaredNorms(rows, 'row');
  const found = new Candidates(queryCount, Math.min(k + spares, rowCount));
  if (metric === 'l1') await compareAbsolutely({ queries, rows, found, onProgress });
  else {
    const isL2 = metric === 'l2';
    const factor = norms.map((norm) => (isL2 ? -2 : norm > 0 ? -1 / Math.sqrt(norm) : 0));
    await compareByProducts(engine, { queries, rows, found, factor, term: isL2 ? norms : new Float64Array(rowCount), onProgress });
  }
  return { k, indices: refine(queries, rows, found, k, distanceOf[metric]) };
}

function refine(queries: Rows, rows: Rows, candidates: Candidates, k: number, distance: Distance): Int32Array {
  const count = rowCountOf(queries);
  const indices = new Int32Array(count * k);
  for (let n = 0; n < count; n++) {
    const q = rowOf(queries, n);
    const found = Array.from(candidates.of(n), (row) => ({ row, distance: distance(q, rowOf(rows, row)) }));
    found.sort((a, b) => a.distance - b.distance || a.row - b.row);
    for (let i = 0; i < k; i++) indices[n * k + i] = found[i].row;
  }
  return indices;
}

/**
 * Majority vote of the first `k` neighbours; among classes with equal votes, that of the nearest neighbour.
 *
 *     p[c] = votes[c] / k
 *
 * **Shapes**: predictions `[Q]`, probabilities `[Q, classes]`.
 *
 * **Throws** `UsageError` if `k` is not between 1 and the neighbours there are; `DataError` if a label is no class or a neighbour has none.
 * **Source**: differs from scikit-learn's `KNeighborsClassifier` only among equal votes, where that takes the lowest class index.
 *
 * @example const { predictions } = vote(near, train.labels, 10, 5);
 */
export function vote({ k: kept, indices }: Neighbours, labels: ArrayLike<number>, classes: number, k: number = kept) {
  if (!(Number.isInteger(k) && k >= 1 && k <= kept)) throw new UsageError({ where: 'vote', expected: `k from 1 to ${kept}`, got: `${k}` });
  const rows = indices.reduce((most, row) => Math.max(most, row + 1), labels.length);
  checkLabels({ name: 'vote', length: rows, classes, labels });
  const count = indices.length / kept;
  const predictions = new Int32Array(count);
  const probabilities = new Float32Array(count * classes);
  for (let q = 0; q < count; q++) {
    const near = Array.from(indices.subarray(q * kept, q * kept + k), (row) => labels[row]);
    for (const label of near) probabilities[q * classes + label] += 1;
    const votes = probabilities.subarray(q * classes, (q + 1) * classes);
    predictions[q] = near.reduce((a, b) => (votes[b] > votes[a] ? b : a));
    for (let c = 0; c < classes; c++) votes[c] /= k;
  }
  return { predictions, probabilities };
}

/** Share of the predictions that are the labels. */
export const accuracyOf = (predictions: Int32Array, labels: ArrayLike<number>): number =>
  predictions.reduce((right, guess, n) => right + (guess === labels[n] ? 1 : 0), 0) / predictions.length;
