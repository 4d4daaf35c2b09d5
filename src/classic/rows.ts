import { NumericError, ShapeError } from '../core/errors.ts';
import { checkLabels } from '../data/dataset.ts';

/** Rows of `width` numbers, one after the other: bytes for pixels' levels, which take a quarter of the room, or reals. */
export interface Rows {
  readonly data: Float32Array | Uint8Array;
  readonly width: number;
}

/** Rows and the class of each. */
export interface LabelledRows {
  readonly rows: Rows;
  readonly labels: ArrayLike<number>;
}

export const rowCountOf = ({ data, width }: Rows): number => data.length / width;

/** **Throws** `ShapeError` if the numbers are not one or more whole rows. */
export function checkRows({ data, width }: Rows, where: string): void {
  if (!(Number.isInteger(width) && width >= 1))
    throw new ShapeError({ where, expected: 'rows of 1 number or more', got: `a width of ${width}` });
  if (data.length === 0 || data.length % width !== 0)
    throw new ShapeError({ where, expected: `one or more rows of ${width} numbers`, got: `${data.length} numbers` });
}

/** **Throws** `ShapeError` as `checkRows` does; `DataError` if the labels are not one class for each row. */
export function checkLabelled({ rows, labels }: LabelledRows, classes: number, name: string): void {
  checkRows(rows, name);
  checkLabels({ name, length: rowCountOf(rows), classes, labels });
}

export const rowOf = ({ data, width }: Rows, n: number): Float32Array | Uint8Array => data.subarray(n * width, (n + 1) * width);

/** The first `count` rows, without a copy. */
export const firstRows = ({ data, width }: Rows, count: number): Rows => ({ data: data.subarray(0, count * width), width });

/** Room for `count` rows of this kind. */
export const roomFor = ({ data, width }: Rows, count: number): Rows['data'] =>
  data instanceof Uint8Array ? new Uint8Array(count * width) : new Float32Array(count * width);

/** The rows at some places, copied to the beginning of `room`. */
export function takeRows(rows: Rows, places: ArrayLike<number>, room = roomFor(rows, places.length)): Rows {
  const { width } = rows;
  const data = room.subarray(0, places.length * width);
  for (let n = 0; n < places.length; n++) data.set(rowOf(rows, places[n]), n * width);
  return { data, width };
}

/** Rows `from` on as reals, zeros after the last: a view where they are that, else written to `room`, which says how many. */
export function realBlock({ data, width }: Rows, from: number, room: Float32Array): Float32Array {
  const part = data.subarray(from * width, from * width + room.length);
  if (part instanceof Float32Array && part.length === room.length) return part;
  room.set(part);
  room.fill(0, part.length);
  return room;
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
