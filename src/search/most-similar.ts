import { ShapeError } from '../core/errors.ts';
import { checkOptions, integer } from '../core/option-ranges.ts';

/** A row of a table of vectors and its likeness to the query. */
export interface Similar {
  readonly row: number;
  /** Cosine of the angle between the vectors, −1 … 1. */
  readonly similarity: number;
}

/** Rows that are compared at once. */
const together = 4;

/**
 * Dot products of a query and the rows from `first` on. Four sums that do not wait for each other, over numbers of the query that are read
 * once for all. Where fewer than four rows are left, the last one stands in for those that are not there.
 */
function dots(vectors: Float32Array, first: number, query: Float64Array, into: Float64Array): void {
  const size = query.length;
  const last = vectors.length - size;
  const begin = first * size;
  const second = Math.min(begin + size, last);
  const third = Math.min(begin + 2 * size, last);
  const fourth = Math.min(begin + 3 * size, last);
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (let i = 0; i < size; i++) {
    const number = query[i];
    a += vectors[begin + i] * number;
    b += vectors[second + i] * number;
    c += vectors[third + i] * number;
    d += vectors[fourth + i] * number;
  }
  into[0] = a;
  into[1] = b;
  into[2] = c;
  into[3] = d;
}

/**
 * The rows most similar to a query, the best first: exact, every row is compared.
 *
 *     similarity = Σ rowᵢ·queryᵢ    the cosine, for vectors of length 1
 *
 * **Shapes**: vectors `[N,D]` row by row, query `[D]`. Returns at most `topK` rows, fewer where there are fewer.
 *
 * - `topK` an integer from 1; `admits` which rows count, default all
 *
 * Numerics: products are summed in double precision; of equal similarities the lower row comes first.
 *
 * **Throws** `ShapeError` if the vectors are no whole number of rows; `UsageError` if `topK` is not an integer from 1.
 *
 * @example mostSimilar(vectors, query, 12)[0].row
 */
export function mostSimilar(
  vectors: Float32Array,
  query: Float32Array,
  topK: number,
  admits: (row: number) => boolean = () => true,
): Similar[] {
  checkOptions({ topK }, { topK: integer(1) });
  const size = query.length;
  if (size === 0 || vectors.length % size !== 0)
    throw new ShapeError({ where: 'search', expected: `rows of ${size} numbers`, got: `${vectors.length} numbers` });
  const best: Similar[] = [];
  const numbers = Float64Array.from(query);
  const products = new Float64Array(together);
  for (let row = 0; row < vectors.length / size; row++) {
    if (row % together === 0) dots(vectors, row, numbers, products);
    // Rounding may leave the cosine of two equal vectors above 1.
    const similarity = Math.max(-1, Math.min(1, products[row % together]));
    if (best.length === topK && similarity <= best[topK - 1].similarity) continue;
    if (!admits(row)) continue;
    let place = best.length;
    while (place > 0 && best[place - 1].similarity < similarity) place--;
    best.splice(place, 0, { row, similarity });
    if (best.length > topK) best.pop();
  }
  return best;
}
