import { sizeOf } from '../../core/shape.ts';
import type { Dataset } from '../dataset.ts';

/** Samples of a data set that are the same in every epoch, kept once they are read. */
export class SampleCache {
  readonly #numbers: Float32Array;
  readonly #has: Uint8Array;
  readonly #size: number;

  constructor({ length, sampleShape }: Dataset) {
    this.#size = sizeOf(sampleShape);
    this.#numbers = new Float32Array(new SharedArrayBuffer(4 * length * this.#size));
    this.#has = new Uint8Array(length);
  }

  static bytesFor = ({ length, sampleShape }: Dataset): number => 4 * length * sizeOf(sampleShape);

  /** Keeps the samples of a batch; at the replaced places stand others. */
  keep(indices: Uint32Array, x: Float32Array, replaced: readonly number[] = []): void {
    for (const [place, index] of indices.entries()) {
      if (replaced.includes(place) || this.#has[index]) continue;
      this.#numbers.set(x.subarray(place * this.#size, (place + 1) * this.#size), index * this.#size);
      this.#has[index] = 1;
    }
  }

  /** The numbers of a batch, if all of it is kept: without a copy where its samples follow each other. */
  find(indices: Uint32Array): Float32Array | undefined {
    if (!indices.every((index) => this.#has[index])) return undefined;
    const [first] = indices;
    if (indices.every((index, place) => index === first + place)) return this.#at(first, indices.length);
    const x = new Float32Array(indices.length * this.#size);
    for (const [place, index] of indices.entries()) x.set(this.#at(index, 1), place * this.#size);
    return x;
  }

  #at(index: number, count: number): Float32Array {
    return this.#numbers.subarray(index * this.#size, (index + count) * this.#size);
  }
}
