import { ShapeError } from '../core/errors.ts';

/** A row of a table of vectors and its likeness to the query. */
export interface Similar {
  readonly row: number;
  /** Cosine of the angle between the vectors, −1 … 1. */
  readonly similarity: number;
}

/** Dot product of a query and a row; four sums, so that one addition need not wait for the one before. */
function dot(vectors: Float32Array, begin: number, query: Float32Array): number {
  const size = query.length;
  const even = size - (size % 4);
  let [a, b, c, d] = [0, 0, 0, 0];
  let at = begin;
  for (let i = 0; i < even; i += 4, at += 4) {
    a += vectors[at] * query[i];
    b += vectors[at + 1] * query[i + 1];
    c += vectors[at + 2] * query[i + 2];
    d += vectors[at + 3] * query[i + 3];
  }
  for (let i = even; i < size; i++, at++) a += vectors[at] * query[i];
  return a + b + (c + d);
}

/**
 * The rows most similar to a query, the best first: exact, every row is compared.
 *
 *     similarity = Σ rowᵢ·queryᵢ    the cosine, for vectors of length 1
 *
 * **Shapes**: vectors `[N,D]` row by row, query `[D]`. Returns at most `topK` rows, fewer where there are fewer.
 *
 * - `topK` 1 or more; `admits` which rows count, default all
 *
 * Numerics: products are summed in double precision; of equal similarities the lower row comes first.
 *
 * **Throws** `ShapeError` if the vectors are no whole number of rows.
 *
 * @example mostSimilar(vectors, query, 12)[0].row
 */
export function mostSimilar(
  vectors: Float32Array,
  query: Float32Array,
  topK: number,
  admits: (row: number) => boolean = () => true,
): Similar[] {
  const size = query.length;
  if (size === 0 || vectors.length % size !== 0)
    throw new ShapeError({ where: 'search', expected: `rows of ${size} numbers`, got: `${vectors.length} numbers` });
  const best: Similar[] = [];
  for (let row = 0, begin = 0; begin < vectors.length; row++, begin += size) {
    // Rounding may leave the cosine of two equal vectors above 1.
    const similarity = Math.max(-1, Math.min(1, dot(vectors, begin, query)));
    if (best.length === topK && similarity <= best[topK - 1].similarity) continue;
    if (!admits(row)) continue;
    let place = best.length;
    while (place > 0 && best[place - 1].similarity < similarity) place--;
    best.splice(place, 0, { row, similarity });
    if (best.length > topK) best.pop();
  }
  return best;
}
