import { NumericError } from '../core/errors.ts';
import { indexOfNonFinite } from '../core/ndarray.ts';
import { type Batch, type Dataset, readBatch } from '../data/dataset.ts';
import type { Loader } from '../data/loader/index.ts';
import { BatchReader } from './batch-reader.ts';

/**
 * Batches of one data set: pictures in files come from a loader, which reads ahead; other samples are read here when they are asked for.
 * A batch's numbers hold until the next but one is asked for, unless they are to be kept.
 */
export class BatchSource {
  readonly #dataset: Dataset;
  readonly #loader: Loader | undefined;
  readonly #reader: BatchReader | undefined;

  constructor(dataset: Dataset, { largestBatch, loader, keeps = false }: { largestBatch: number; loader?: Loader; keeps?: boolean }) {
    this.#dataset = dataset;
    this.#loader = dataset.pictures && loader;
    this.#reader = this.#loader || keeps ? undefined : new BatchReader(dataset, largestBatch);
  }

  async *batches(order: readonly Uint32Array[], epoch: number): AsyncGenerator<Batch, void, undefined> {
    if (this.#loader) yield* this.#loader.batches(this.#dataset, { order, epoch });
    else
      for (const indices of order) {
        const batch = await (this.#reader ? this.#reader.read(indices, epoch) : readBatch(this.#dataset, indices, epoch));
        this.#refuseNonFinite(batch);
        yield batch;
      }
  }

  /** Kernels answer some NaN with numbers that look like others: a broken sample would train, or be judged, unseen. */
  #refuseNonFinite({ x, indices }: Batch): void {
    const place = indexOfNonFinite(x.data);
    if (place < 0) return;
    const sample = indices[Math.floor((place * indices.length) / x.data.length)];
    throw new NumericError({
      where: `${this.#dataset.name}, sample ${sample}`,
      expected: 'finite numbers',
      got: `${x.data[place]}`,
    });
  }
}
