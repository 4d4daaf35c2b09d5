import { UsageError } from '../core/errors.ts';
import { f32 } from '../core/ndarray.ts';
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

const queryBlock = 256;
const rowBlock = 2048;
/** Candidates beyond `k` that single precision may have misplaced; double precision decides among them. */
const spares = 8;

const lengthOf = ({ data, width }: Rows): number => data.length / width;

function squares({ data, width }: Rows): Float64Array {
  return Float64Array.from({ length: data.length / width }, (_, n) => {
    let sum = 0;
    for (let i = n * width; i < (n + 1) * width; i++) sum += data[i] * data[i];
    return sum;
  });
}

/** Rows `from` to `from + count`; zeros where there are no more. */
function block({ data, width }: Rows, from: number, count: number): Float32Array {
  const part = data.subarray(from * width, (from + count) * width);
  if (part.length === count * width) return part.slice();
  const padded = new Float32Array(count * width);
  padded.set(part);
  return padded;
}

function l1Products(queries: Float32Array, rows: Float32Array, width: number, into: Float32Array): void {
  for (let q = 0; q < queryBlock; q++)
    for (let r = 0; r < rowBlock; r++) {
      let sum = 0;
      for (let i = 0; i < width; i++) sum += Math.abs(queries[q * width + i] - rows[r * width + i]);
      into[q * rowBlock + r] = sum;
    }
}

/**
 * The `k` nearest rows of every query, by comparing each query with each row.
 *
 *     l1: Σ |q − r|     l2: ‖r‖² − 2·q·r, the order of ‖q − r‖     cosine: −q·r / ‖r‖
 *
 * **Shapes**: queries `[Q, width]`, rows `[n, width]`, result `[Q, k]`. Equal distances: the lower index first.
 *
 * Numerics: single precision on the engine chooses k + 8 candidates, double precision orders them. Memory beside the arguments: blocks of 256
 * queries and 2048 rows. Numbers must be finite.
 *
 * **Throws** `UsageError` if widths differ or `k` is not between 1 and the number of rows.
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
  const kept = Math.min(k + spares, rowCount);
  const norms = squares(rows);
  const graph = new GraphBuilder();
  graph.output('y', linear(graph.input('x', [queryBlock, width]), graph.input('rows', [rowBlock, width])));
  const program = metric === 'l1' ? undefined : await engine.compile(graph.build(), await engine.createStore());
  const best = new Float64Array(queryCount * kept).fill(Number.POSITIVE_INFINITY);
  const indices = new Int32Array(queryCount * kept).fill(-1);
  const manhattan = new Float32Array(program ? 0 : queryBlock * rowBlock);
  try {
    for (let r0 = 0; r0 < rowCount; r0 += rowBlock) {
      const part = block(rows, r0, rowBlock);
      for (let q0 = 0; q0 < queryCount; q0 += queryBlock) {
        const x = block(queries, q0, queryBlock);
        let products: Float32Array = manhattan;
        if (program) {
          const { y } = await program.run({ x: f32(x, [queryBlock, width]), rows: f32(part, [rowBlock, width]) });
          products = y.data as Float32Array;
        } else l1Products(x, part, width, manhattan);
        for (let q = q0; q < Math.min(q0 + queryBlock, queryCount); q++)
          for (let r = r0; r < Math.min(r0 + rowBlock, rowCount); r++) {
            const p = products[(q - q0) * rowBlock + (r - r0)];
            const distance = metric === 'l1' ? p : metric === 'l2' ? norms[r] - 2 * p : norms[r] > 0 ? -p / Math.sqrt(norms[r]) : 0;
            insert(best, indices, q * kept, kept, distance, r);
          }
      }
    }
  } finally {
    await program?.close();
  }
  return { k, indices: refine(queries, rows, indices, kept, k, distanceOf[metric]) };
}

type Distance = (q: Float32Array, r: Float32Array) => number;

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

function refine(queries: Rows, rows: Rows, candidates: Int32Array, kept: number, k: number, distance: Distance): Int32Array {
  const { width } = rows;
  const count = candidates.length / kept;
  const indices = new Int32Array(count * k);
  for (let n = 0; n < count; n++) {
    const q = queries.data.subarray(n * width, (n + 1) * width);
    const found = Array.from(candidates.subarray(n * kept, (n + 1) * kept), (row) => ({
      row,
      distance: distance(q, rows.data.subarray(row * width, (row + 1) * width)),
    }));
    found.sort((a, b) => a.distance - b.distance || a.row - b.row);
    for (let i = 0; i < k; i++) indices[n * k + i] = found[i].row;
  }
  return indices;
}

/** Keeps a sorted list of the `k` smallest. */
function insert(best: Float64Array, indices: Int32Array, base: number, k: number, distance: number, row: number): void {
  if (!(distance < best[base + k - 1])) return;
  let i = base + k - 1;
  for (; i > base && best[i - 1] > distance; i--) {
    best[i] = best[i - 1];
    indices[i] = indices[i - 1];
  }
  best[i] = distance;
  indices[i] = row;
}

/**
 * Majority vote of the first `k` neighbours; among classes with equal votes, that of the nearest neighbour.
 *
 *     p[c] = votes[c] / k
 *
 * **Shapes**: predictions `[Q]`, probabilities `[Q, classes]`.
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
