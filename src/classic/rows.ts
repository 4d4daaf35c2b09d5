import { NumericError } from '../core/errors.ts';

/** Rows of `width` numbers, one after the other: bytes for pixels' levels, which take a quarter of the room, or reals. */
export interface Rows {
  readonly data: Float32Array | Uint8Array;
  readonly width: number;
}

export const rowCountOf = ({ data, width }: Rows): number => data.length / width;

export const rowOf = ({ data, width }: Rows, n: number): Float32Array | Uint8Array => data.subarray(n * width, (n + 1) * width);

/** The first `count` rows, without a copy. */
export const firstRows = ({ data, width }: Rows, count: number): Rows => ({ data: data.subarray(0, count * width), width });

/** The rows at some places, copied. */
export function takeRows(rows: Rows, places: ArrayLike<number>): Rows {
  const { width } = rows;
  const length = places.length * width;
  const data = rows.data instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length);
  for (let n = 0; n < places.length; n++) data.set(rowOf(rows, places[n]), n * width);
  return { data, width };
}

/** Rows `from` to `from + count` as reals, a view where they are; zeros follow the last row. */
export function realBlock({ data, width }: Rows, from: number, count: number): Float32Array {
  const part = data.subarray(from * width, (from + count) * width);
  if (part instanceof Float32Array && part.length === count * width) return part;
  const padded = new Float32Array(count * width);
  padded.set(part);
  return padded;
}

/** Σ x² of every row. **Throws** `NumericError` naming the first row that is not finite. */
export function squaredNorms(rows: Rows, name: string): Float64Array {
  const { data, width } = rows;
  const sums = new Float64Array(rowCountOf(rows));
  for (let n = 0; n < sums.length; n++) {
    let sum = 0;
    for (let i = n * width; i < (n + 1) * width; i++) sum += data[i] * data[i];
    if (!Number.isFinite(sum))
      throw new NumericError({ where: `knn: ${name} ${n}`, expected: 'finite numbers', got: `a sum of squares of ${sum}` });
    sums[n] = sum;
  }
  return sums;
}
