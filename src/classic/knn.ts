import { NumericError, UsageError } from '../core/errors.ts';
import type { ArrayOf, NdArray } from '../core/ndarray.ts';
import { Rng } from '../core/rng.ts';
import type { Engine } from '../engine/engine.ts';
import { GraphBuilder } from '../graph/tensor.ts';
import { linear } from '../ops/linear.ts';

export type KnnMetric = 'l1' | 'l2' | 'cosine';

/** Rows of `width` numbers, one after the other. */
export interface Rows {
  readonly data: Float32Array;
  readonly width: number;
}

/** The nearest rows of each query, nearest first, `k` to a query. */
export interface Neighbours {
  readonly k: number;
  readonly indices: Int32Array;
}

/** As many queries stay with the engine while all rows pass in blocks: handing a block over must cost far less than its products. */
const mostQueries = 2048;
const rowBlock = 512;
/** Numbers summed between two looks at whether a row is out of the running. */
const l1Stride = 256;
/** Candidates beyond `k` that single precision may have misplaced; double precision decides among them. */
const spares = 8;

const lengthOf = ({ data, width }: Rows): number => data.length / width;

function squares({ data, width }: Rows, name: string): Float64Array {
  const sums = new Float64Array(data.length / width);
  for (let n = 0; n < sums.length; n++) {
    let sum = 0;
    for (let i = n * width; i < (n + 1) * width; i++) sum += data[i] * data[i];
    if (!Number.isFinite(sum))
      throw new NumericError({ where: `knn: ${name} ${n}`, expected: 'finite numbers', got: `a sum of squares of ${sum}` });
    sums[n] = sum;
  }
  return sums;
}

/** Rows `from` to `from + count`, a view where there are so many; else zeros follow. */
function block({ data, width }: Rows, from: number, count: number): Float32Array {
  const part = data.subarray(from * width, (from + count) * width);
  if (part.length === count * width) return part;
  const padded = new Float32Array(count * width);
  padded.set(part);
  return padded;
}

const matrix = (data: Float32Array, count: number): NdArray<'f32'> => ({
  dtype: 'f32',
  shape: [count, data.length / count],
  data: data as ArrayOf<'f32'>,
});

/** The nearest rows found so far, sorted, `size` to a query. */
class Candidates {
  readonly size: number;
  readonly indices: Int32Array;
  readonly #distances: Float64Array;

  constructor(queryCount: number, size: number) {
    this.size = size;
    this.indices = new Int32Array(queryCount * size).fill(-1);
    this.#distances = new Float64Array(queryCount * size).fill(Number.POSITIVE_INFINITY);
  }

  /** A row must be nearer than this to count. */
  limit(query: number): number {
    return this.#distances[(query + 1) * this.size - 1];
  }

  insert(query: number, distance: number, row: number): void {
    const base = query * this.size;
    let i = base + this.size - 1;
    for (; i > base && this.#distances[i - 1] > distance; i--) {
      this.#distances[i] = this.#distances[i - 1];
      this.indices[i] = this.indices[i - 1];
    }
    this.#distances[i] = distance;
    this.indices[i] = row;
  }
}

/** Sums of absolute differences; a row is given up as soon as its sum passes the limit. */
function compareAbsolutely(queries: Rows, rows: Rows, found: Candidates): void {
  const { width } = rows;
  for (let q = 0; q < lengthOf(queries); q++) {
    const query = queries.data.subarray(q * width, (q + 1) * width);
    for (let r = 0; r < lengthOf(rows); r++) {
      const limit = found.limit(q);
      const row = rows.data.subarray(r * width, (r + 1) * width);
      let sum = 0;
      for (let from = 0; from < width && sum < limit; from += l1Stride) {
        const to = Math.min(from + l1Stride, width);
        for (let i = from; i < to; i++) sum += Math.abs(query[i] - row[i]);
      }
      if (sum < limit) found.insert(q, sum, r);
    }
  }
}

/** `factor[r]·(q·r) + term[r]` for every query and row, the products on the engine: while it computes one block, the one before is looked through. */
async function compareByProducts(
  engine: Engine,
  { queries, rows, factor, term, found }: { queries: Rows; rows: Rows; factor: Float64Array; term: Float64Array; found: Candidates },
): Promise<void> {
  const { width } = rows;
  const [queryCount, rowCount] = [lengthOf(queries), lengthOf(rows)];
  const queryBlock = Math.min(mostQueries, queryCount);
  const graph = new GraphBuilder();
  graph.output('y', linear(graph.input('x', [rowBlock, width]), graph.parameter('queries', [queryBlock, width])));
  const store = await engine.createStore();
  const program = await engine.compile(graph.build(), store);
  const look = (products: Float32Array, q0: number, r0: number) => {
    const count = Math.min(queryBlock, queryCount - q0);
    const limits = Float64Array.from({ length: count }, (_, q) => found.limit(q0 + q));
    for (let r = r0; r < Math.min(r0 + rowBlock, rowCount); r++) {
      const base = (r - r0) * queryBlock;
      for (let q = 0; q < count; q++) {
        const distance = factor[r] * products[base + q] + term[r];
        if (!(distance < limits[q])) continue;
        found.insert(q0 + q, distance, r);
        limits[q] = found.limit(q0 + q);
      }
    }
  };
  try {
    for (let q0 = 0; q0 < queryCount; q0 += queryBlock) {
      // A view would take all queries along into the engine's thread.
      await store.load(new Map([['queries', matrix(block(queries, q0, queryBlock).slice(), queryBlock)]]));
      let before: { r0: number; y: Float32Array } | undefined;
      for (let r0 = 0; r0 < rowCount; r0 += rowBlock) {
        const running = program.run({ x: matrix(block(rows, r0, rowBlock), rowBlock) });
        if (before) look(before.y, q0, before.r0);
        before = { r0, y: (await running).y.data as Float32Array };
      }
      if (before) look(before.y, q0, before.r0);
    }
  } finally {
    await program.close();
  }
}

/**
 * The `k` nearest rows of every query, by comparing each query with each row.
 *
 *     l1: Σ |q − r|     l2: ‖r‖² − 2·q·r, the order of ‖q − r‖     cosine: −q·r / ‖r‖
 *
 * **Shapes**: queries `[Q, width]`, rows `[n, width]`, result `[Q, k]`. Equal distances: the lower index first.
 *
 * Numerics: for l2 and cosine the engine's single precision chooses k + 8 candidates and double precision orders them, so a neighbour can be missed
 * only where more than 8 rows lie as near within single precision of ‖r‖²; l1 is summed in double precision. Memory beside the arguments:
 * blocks of 2048 queries and 512 rows. With cosine, a row of zeros has distance 1.
 *
 * **Throws** `UsageError` if widths differ or `k` is not between 1 and the number of rows; `NumericError` naming the first row or query that
 * is not finite.
 *
 * @example const { indices } = await nearestNeighbours(engine, { queries, rows, k: 5, metric: 'l2' });
 */
export async function nearestNeighbours(
  engine: Engine,
  { queries, rows, k, metric = 'l2' }: { queries: Rows; rows: Rows; k: number; metric?: KnnMetric },
): Promise<Neighbours> {
  const { width } = rows;
  const [queryCount, rowCount] = [lengthOf(queries), lengthOf(rows)];
  if (queries.width !== width)
    throw new UsageError({ where: 'knn', expected: `queries of ${width} numbers, as the rows`, got: `${queries.width}` });
  if (!(Number.isInteger(k) && k >= 1 && k <= rowCount))
    throw new UsageError({ where: 'knn', expected: `k from 1 to ${rowCount}`, got: `${k}` });
  squares(queries, 'query');
  const norms = squares(rows, 'row');
  const found = new Candidates(queryCount, Math.min(k + (metric === 'l1' ? 0 : spares), rowCount));
  if (metric === 'l1') {
    compareAbsolutely(queries, rows, found);
    return { k, indices: found.indices };
  }
  const isL2 = metric === 'l2';
  const factor = norms.map((norm) => (isL2 ? -2 : norm > 0 ? -1 / Math.sqrt(norm) : 0));
  await compareByProducts(engine, { queries, rows, factor, term: isL2 ? norms : new Float64Array(rowCount), found });
  return { k, indices: refine(queries, rows, found, k, distanceOf[metric]) };
}

type Distance = (q: Float32Array, r: Float32Array) => number;

/** In double precision, up to what does not change the order. */
const distanceOf: Record<Exclude<KnnMetric, 'l1'>, Distance> = {
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

function refine(queries: Rows, rows: Rows, candidates: Candidates, k: number, distance: Distance): Int32Array {
  const { width } = rows;
  const kept = candidates.size;
  const count = lengthOf(queries);
  const indices = new Int32Array(count * k);
  for (let n = 0; n < count; n++) {
    const q = queries.data.subarray(n * width, (n + 1) * width);
    const found = Array.from(candidates.indices.subarray(n * kept, (n + 1) * kept), (row) => ({
      row,
      distance: distance(q, rows.data.subarray(row * width, (row + 1) * width)),
    }));
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
 * **Throws** `UsageError` if `k` is not between 1 and the neighbours there are.
 * **Source**: differs from scikit-learn's `KNeighborsClassifier` only among equal votes, where that takes the lowest class index.
 *
 * @example const { predictions } = vote(near, train.labels, 10, 5);
 */
export function vote({ k: kept, indices }: Neighbours, labels: ArrayLike<number>, classes: number, k: number = kept) {
  if (!(Number.isInteger(k) && k >= 1 && k <= kept)) throw new UsageError({ where: 'vote', expected: `k from 1 to ${kept}`, got: `${k}` });
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

/** Mean accuracy of every `k` over `folds` parts of the rows, each classified by the others. */
export async function crossValidate(
  engine: Engine,
  options: {
    rows: Rows;
    labels: ArrayLike<number>;
    classes: number;
    ks: readonly number[];
    folds?: number;
    metric?: KnnMetric;
    seed?: number;
  },
): Promise<{ k: number; foldAccuracies: number[]; mean: number }[]> {
  const { rows, labels, classes, ks, folds = 5, metric, seed = 0 } = options;
  const count = lengthOf(rows);
  if (!(Number.isInteger(folds) && folds >= 2 && folds <= count))
    throw new UsageError({ where: '--folds', expected: `2 to ${count}`, got: `${folds}` });
  const order = new Rng(seed, 'folds').permutation(count);
  const take = (chosen: Uint32Array): Rows => {
    const data = new Float32Array(chosen.length * rows.width);
    chosen.forEach((row, n) => {
      data.set(rows.data.subarray(row * rows.width, (row + 1) * rows.width), n * rows.width);
    });
    return { data, width: rows.width };
  };
  const accuracies = ks.map((): number[] => []);
  for (let fold = 0; fold < folds; fold++) {
    const held = order.filter((_, i) => i % folds === fold);
    const kept = order.filter((_, i) => i % folds !== fold);
    const near = await nearestNeighbours(engine, { queries: take(held), rows: take(kept), k: Math.max(...ks), metric });
    const keptLabels = Int32Array.from(kept, (row) => labels[row]);
    ks.forEach((k, i) => {
      const { predictions } = vote(near, keptLabels, classes, k);
      accuracies[i].push(predictions.filter((guess, n) => guess === labels[held[n]]).length / held.length);
    });
  }
  return ks.map((k, i) => ({ k, foldAccuracies: accuracies[i], mean: accuracies[i].reduce((a, b) => a + b, 0) / folds }));
}
