import { ShapeError } from '../core/errors.ts';

/** A row and how near it is. */
export interface Neighbour {
  row: number;
  /** Cosine, −1 … 1. */
  similarity: number;
}

/** Rows that go through the products together: each number of the query is read once for all of them. */
const blockRows = 4;

/** `query · row` for every row. */
function products(query: Float32Array, rows: Float32Array): Float64Array {
  const size = query.length;
  const count = rows.length / size;
  const found = new Float64Array(count);
  let row = 0;
  for (; row + blockRows <= count; row += blockRows) {
    const a = row * size;
    const [b, c, d] = [a + size, a + 2 * size, a + 3 * size];
    let [sumA, sumB, sumC, sumD] = [0, 0, 0, 0];
    for (let i = 0; i < size; i++) {
      const q = query[i];
      sumA += q * rows[a + i];
      sumB += q * rows[b + i];
      sumC += q * rows[c + i];
      sumD += q * rows[d + i];
    }
    found[row] = sumA;
    found[row + 1] = sumB;
    found[row + 2] = sumC;
    found[row + 3] = sumD;
  }
  for (; row < count; row++) for (let i = 0, at = row * size; i < size; i++) found[row] += query[i] * rows[at + i];
  return found;
}

/**
 * The rows most similar to a query, exactly: all are compared.
 *
 *     similarity = Σ queryᵢ · rowᵢ    the cosine, as both have length 1
 *
 * **Shapes**: `query` `[D]`, `rows` `[N, D]`. Returns at most `count`, the most similar first; equal ones in the order of their rows.
 *
 * Numerics: single-precision numbers, sums in double precision.
 *
 * **Throws** `ShapeError` if the rows are not as long as the query.
 *
 * @example const [best] = nearestRows(query, vectors, 12);
 */
export function nearestRows(query: Float32Array, rows: Float32Array, count: number): Neighbour[] {
  if (query.length === 0 || rows.length % query.length)
    throw new ShapeError({ where: 'search', expected: `rows of ${query.length} numbers`, got: `${rows.length} numbers` });
  const best: Neighbour[] = [];
  const similarities = products(query, rows);
  for (let row = 0; row < similarities.length; row++) {
    const similarity = similarities[row];
    if (best.length === count && !(similarity > (best.at(-1)?.similarity ?? Number.POSITIVE_INFINITY))) continue;
    let [low, high] = [0, best.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (best[middle].similarity >= similarity) low = middle + 1;
      else high = middle;
    }
    best.splice(low, 0, { row, similarity });
    if (best.length > count) best.pop();
  }
  return best;
}
