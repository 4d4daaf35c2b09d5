import { i32, type NdArray } from '../core/ndarray.ts';
import { type LabelledRows, type Rows, rowCountOf } from './rows.ts';

/** Bytes are levels, which count from 0 to 1. */
const scaleOf = ({ data }: Rows): number => (data instanceof Uint8Array ? 1 / 255 : 1);

/** The mean of every column: the mean picture. */
export function meanRow(rows: Rows): Float64Array {
  const { data, width } = rows;
  const sums = new Float64Array(width);
  for (let at = 0; at < data.length; at += width) for (let i = 0; i < width; i++) sums[i] += data[at + i];
  return sums.map((sum) => (sum / rowCountOf(rows)) * scaleOf(rows));
}

/** Batches of rows less the mean row. */
export class CentredRows {
  readonly #rows: Rows;
  readonly #labels: ArrayLike<number>;
  readonly #mean: Float64Array;

  constructor({ rows, labels }: LabelledRows, mean: Float64Array) {
    this.#rows = rows;
    this.#labels = labels;
    this.#mean = mean;
  }

  read(places: Uint32Array): { x: NdArray<'f32'>; target: NdArray<'i32'> } {
    const { data, width } = this.#rows;
    const scale = scaleOf(this.#rows);
    const x = new Float32Array(places.length * width);
    places.forEach((place, n) => {
      for (let i = 0; i < width; i++) x[n * width + i] = data[place * width + i] * scale - this.#mean[i];
    });
    const target = i32(Int32Array.from(places, (place) => this.#labels[place]));
    return { x: { dtype: 'f32', shape: [places.length, width], data: x }, target };
  }
}
