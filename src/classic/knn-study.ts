import type { Engine } from '../engine/engine.ts';
import { bestOf, crossValidate, type FoldScores } from './cross-validate.ts';
import { accuracyOf, type KnnMetric, type Neighbours, nearestNeighbours, vote } from './knn.ts';
import { checkLabelled, firstRows, type LabelledRows, type Rows, rowCountOf } from './rows.ts';

/** Time of one query among the first `rows` training rows. */
export interface QueryTime {
  readonly rows: number;
  readonly secondsPerQuery: number;
}

export type KnnStage = 'cross-validation' | 'test' | 'timing';

export interface KnnStudyOptions {
  train: LabelledRows;
  test: LabelledRows;
  classes: number;
  /** The numbers of neighbours to try; default 1, 3, 5, 10, 20. */
  ks?: readonly number[];
  /** Default `l2`. */
  metric?: KnnMetric;
  /** Parts of the cross-validation, from 2; default 5. */
  folds?: number;
  /** Of the folds; default 0. */
  seed?: number;
  /** Told what is going on, and the share of it that is done. */
  onProgress?: (stage: KnnStage, share: number) => void;
}

export interface KnnStudy {
  readonly metric: KnnMetric;
  readonly crossValidation: readonly FoldScores[];
  readonly bestK: number;
  /** Of the test rows among the training rows, as many as the largest `k`. */
  readonly neighbours: Neighbours;
  /** With the best `k`. */
  readonly predictions: Int32Array;
  readonly probabilities: Float32Array;
  readonly accuracy: number;
  /** Among a quarter, half and all of the training rows. */
  readonly queryTimes: readonly QueryTime[];
}

const timedQueries = 256;
const timedShares = [0.25, 0.5, 1];
const repeats = 3;

/**
 * Nearest neighbours from beginning to end: the best `k` by cross-validation on the training rows, then the test rows with it, then how the time of a query
 * grows with the rows.
 *
 * The test rows take no part in the choice of `k`.
 *
 * **Throws** what `crossValidate` and `nearestNeighbours` throw; `DataError` if the test labels are not one class for each row.
 *
 * @example const { bestK, accuracy } = await studyNeighbours(engine, { train, test, classes: 10, metric: 'cosine' });
 */
export async function studyNeighbours(engine: Engine, options: KnnStudyOptions): Promise<KnnStudy> {
  const { train, test, classes, ks = [1, 3, 5, 10, 20], metric = 'l2', folds, seed, onProgress } = options;
  const told = (stage: KnnStage) => (share: number) => onProgress?.(stage, share);
  for (const [part, set] of Object.entries({ train, test })) checkLabelled(set, classes, `knn: ${part}`);
  const { rows, labels } = train;
  const crossValidation = await crossValidate(engine, {
    rows,
    labels,
    classes,
    ks,
    folds,
    metric,
    seed,
    onProgress: told('cross-validation'),
  });
  const bestK = bestOf(crossValidation).k;
  const neighbours = await nearestNeighbours(engine, { queries: test.rows, rows, k: Math.max(...ks), metric, onProgress: told('test') });
  const { predictions, probabilities } = vote(neighbours, labels, classes, bestK);
  const queryTimes = await measureQueries(engine, { queries: test.rows, rows, k: bestK, metric, onProgress: told('timing') });
  const accuracy = accuracyOf(predictions, test.labels);
  return { metric, crossValidation, bestK, neighbours, predictions, probabilities, accuracy, queryTimes };
}

/** The median of three searches for up to 256 queries, among more and more rows. */
async function measureQueries(
  engine: Engine,
  {
    queries: all,
    rows,
    k,
    metric,
    onProgress,
  }: { queries: Rows; rows: Rows; k: number; metric: KnnMetric; onProgress: (share: number) => void },
): Promise<QueryTime[]> {
  const queries = firstRows(all, Math.min(timedQueries, rowCountOf(all)));
  const times: QueryTime[] = [];
  const counts = timedShares.map((share) => Math.floor(share * rowCountOf(rows))).filter((count) => count >= k);
  for (const [i, count] of counts.entries()) {
    const seconds: number[] = [];
    for (let repeat = 0; repeat < repeats; repeat++) {
      const start = performance.now();
      await nearestNeighbours(engine, { queries, rows: firstRows(rows, count), k, metric });
      seconds.push((performance.now() - start) / 1000);
      onProgress((i + (repeat + 1) / repeats) / counts.length);
    }
    times.push({ rows: count, secondsPerQuery: seconds.sort((a, b) => a - b)[repeats >> 1] / rowCountOf(queries) });
  }
  return times;
}
