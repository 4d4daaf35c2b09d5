import { sizeOf } from '../core/shape.ts';
import type { Batch, Dataset } from '../data/dataset.ts';

/**
 * Reads batches into two buffers by turns, so that a long run allocates nothing for them: what it returned is overwritten by the call
 * after the next one. That suits a loop that has two runs in flight.
 */
export class BatchReader {
  readonly #dataset: Dataset;
  readonly #buffers: readonly { x: Float32Array<ArrayBuffer>; target: Int32Array<ArrayBuffer> }[];
  #turn = 0;

  constructor(dataset: Dataset, largestBatch: number) {
    this.#dataset = dataset;
    this.#buffers = [0, 1].map(() => ({
      x: new Float32Array(largestBatch * sizeOf(dataset.sampleShape)),
      target: new Int32Array(largestBatch),
    }));
  }

  async read(indices: Uint32Array, epoch = 0): Promise<Batch> {
    const { sampleShape, labels } = this.#dataset;
    const buffers = this.#buffers[this.#turn];
    this.#turn = 1 - this.#turn;
    const n = indices.length;
    const x = buffers.x.subarray(0, n * sizeOf(sampleShape));
    const target = buffers.target.subarray(0, n);
    await this.#dataset.read(indices, x, epoch);
    indices.forEach((index, i) => {
      target[i] = labels[index];
    });
    return { x: { dtype: 'f32', shape: [n, ...sampleShape], data: x }, target: { dtype: 'i32', shape: [n], data: target }, indices };
  }
}
