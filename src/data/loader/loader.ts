import { availableParallelism } from 'node:os';
import { DataError, UsageError } from '../../core/errors.ts';
import { checkOptions, integer } from '../../core/option-ranges.ts';
import { sizeOf } from '../../core/shape.ts';
import type { BrokenFile } from '../check-pictures.ts';
import { type Batch, batchOf, type Dataset, type PictureFiles, readBatch } from '../dataset.ts';
import { isDeterministic } from '../transforms/index.ts';
import { type Crew, LocalCrew, ThreadedCrew } from './crew.ts';
import { cancelSlot, type FillReport, numbersOf, resetSlot, SLOT_HEADER_BYTES } from './fill.ts';
import { SampleCache } from './sample-cache.ts';

export interface LoaderOptions {
  /** Threads that decode and transform, 0 to 64; 0: this thread. Default: one for every core, at most 8. */
  workers?: number;
  /** Batches made ahead, from 1; default: 2, or more where small batches would leave workers idle. */
  prefetch?: number;
  /** Stop at the first broken file; default: another sample takes its place. */
  strict?: boolean;
  /** Bytes of samples kept of each data set that is the same in every epoch; one that is larger is not kept. Default: 256 MiB. */
  cacheBytes?: number;
}

export interface BatchRequest {
  /** Indices of every batch: those of an epoch, or what is left of it. */
  order: readonly Uint32Array[];
  /** From 0; decides with the seed what random transforms draw. */
  epoch: number;
}

const MOST_WORKERS = 64;
const MOST_BY_DEFAULT = 8;
/** Batches that the consumer may hold. */
const HELD = 2;

/** Before anything is read: a worker would only say what it stumbled over. */
function checkRequest({ name, length }: Dataset, order: readonly Uint32Array[], epoch: number): void {
  if (!integer(0).accepts(epoch)) throw new UsageError({ where: 'epoch', expected: integer(0).allowed, got: `${epoch}` });
  for (const indices of order) {
    const stranger = indices.find((index) => !(index >= 0 && index < length));
    if (stranger !== undefined) throw new DataError({ where: name, expected: `an index from 0 to ${length - 1}`, got: `${stranger}` });
  }
}

interface Started {
  indices: Uint32Array;
  slot?: SharedArrayBuffer;
  batch: Promise<Batch>;
}

/**
 * Reads batches ahead, in worker threads where samples are pictures in files. One loader serves any number of data sets.
 *
 * Samples depend on seed, epoch and index alone: neither the number of workers nor where in an epoch it begins changes a bit.
 */
export class Loader {
  readonly workers: number;
  readonly #options: LoaderOptions;
  readonly #crew: Crew;
  readonly #freeSlots: SharedArrayBuffer[] = [];
  readonly #caches = new Map<PictureFiles, SampleCache | undefined>();
  readonly #broken = new Map<string, string>();
  /** Slots that the crew writes to. */
  readonly #filling = new Set<SharedArrayBuffer>();
  #closed = false;

  constructor(options: LoaderOptions, workers: number) {
    this.workers = workers;
    this.#options = options;
    this.#crew = workers === 0 ? new LocalCrew() : new ThreadedCrew(workers);
  }

  /** Broken files met so far, by name. */
  get broken(): BrokenFile[] {
    return [...this.#broken].map(([file, reason]) => ({ file, reason })).sort((a, b) => (a.file < b.file ? -1 : 1));
  }

  /**
   * The batches of a data set in the given order. Work begins with the first `next()` and goes on between calls; leaving the loop ends it.
   *
   * A batch's numbers hold until the next but one `next()`, those of the last two until the loader is asked for other batches: so one batch
   * may be computed and the next wait while the loader writes those that follow.
   *
   * **Throws** `DataError` if an index is past the end of the data set, if its labels are not one class for each sample, if a file is broken
   * and the loader is strict, if no file can be read, or if a worker ended; `UsageError` if the epoch is not an integer from 0.
   *
   * @example for await (const { x, target } of loader.batches(trainSet, { order: batchIndices(order, 64), epoch })) …
   */
  async *batches(dataset: Dataset, { order, epoch }: BatchRequest): AsyncGenerator<Batch, void, undefined> {
    checkRequest(dataset, order, epoch);
    if (!dataset.pictures) {
      for (const indices of order) yield await readBatch(dataset, indices, epoch);
      return;
    }
    const depth = this.#depth(order);
    const bytes = SLOT_HEADER_BYTES + 4 * sizeOf(dataset.sampleShape) * order.reduce((most, { length }) => Math.max(most, length), 0);
    const started: Started[] = [];
    const held: Started[] = [];
    let next = 0;
    const startMore = () => {
      while (next < order.length && started.length < depth) started.push(this.#start(dataset, order[next++], epoch, bytes));
    };
    try {
      for (startMore(); started.length > 0; startMore()) {
        const first = started[0];
        const batch = await first.batch;
        // Not before it is handed out: one that is cancelled is left half filled.
        if (first.slot) this.#cacheOf(dataset, dataset.pictures)?.keep(first.indices, batch.x.data, batch.replaced);
        held.push(started.shift()!);
        startMore();
        yield batch;
        if (held.length === HELD) this.#free(held.shift()!);
      }
    } finally {
      for (const one of held) this.#free(one);
      for (const one of started) this.#cancel(one);
    }
  }

  /** Ends the worker threads. Batches under way fail; those that were given stay valid. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const slot of this.#filling) cancelSlot(slot);
    await this.#crew.close();
  }

  #checkOpen(): void {
    if (this.#closed) throw new DataError({ where: 'loader', expected: 'an open loader', got: 'a closed one' });
  }

  #depth(order: readonly Uint32Array[]): number {
    const perBatch = Math.max(1, order[0]?.length ?? 1);
    return this.#options.prefetch ?? Math.max(2, Math.ceil((4 * this.workers) / perBatch));
  }

  #start(dataset: Dataset, indices: Uint32Array, epoch: number, bytes: number): Started {
    const source = dataset.pictures!;
    const cache = this.#cacheOf(dataset, source);
    const kept = cache?.find(indices);
    if (kept) return { indices, batch: Promise.resolve(batchOf(dataset, indices, kept)) };
    const slot = this.#takeSlot(bytes);
    const batch = this.#fill(source, indices, epoch, slot).then((report) => this.#batch(dataset, indices, slot, report));
    // Reported where it is awaited; until then it is not unhandled.
    batch.catch(() => undefined);
    return { indices, slot, batch };
  }

  async #fill(source: PictureFiles, indices: Uint32Array, epoch: number, slot: SharedArrayBuffer): Promise<FillReport> {
    this.#checkOpen();
    resetSlot(slot);
    this.#filling.add(slot);
    const report = await this.#crew.fill(source, { indices, epoch, slot }).finally(() => this.#filling.delete(slot));
    this.#checkOpen();
    for (const [index, reason] of report.broken) this.#broken.set(source.files[index], reason);
    if (this.#options.strict && report.replaced.length > 0) {
      const where = source.files[indices[Math.min(...report.replaced.map(([place]) => place))]];
      throw new DataError({
        where,
        expected: 'a picture',
        got: this.#broken.get(where)!,
        hint: 'Repair or remove it, or leave strict mode',
      });
    }
    return report;
  }

  #batch(dataset: Dataset, wanted: Uint32Array, slot: SharedArrayBuffer, { replaced }: FillReport): Batch {
    const x = numbersOf(slot, wanted.length * sizeOf(dataset.sampleShape));
    const places = replaced.map(([place]) => place).sort((a, b) => a - b);
    if (places.length === 0) return batchOf(dataset, wanted, x);
    const indices = wanted.slice();
    for (const [place, index] of replaced) indices[place] = index;
    return { ...batchOf(dataset, indices, x), replaced: places };
  }

  #cacheOf(dataset: Dataset, source: PictureFiles): SampleCache | undefined {
    if (!this.#caches.has(source)) {
      const fits = SampleCache.bytesFor(dataset) <= (this.#options.cacheBytes ?? 2 ** 28);
      this.#caches.set(source, fits && isDeterministic(source.transforms) ? new SampleCache(dataset) : undefined);
    }
    return this.#caches.get(source);
  }

  #takeSlot(bytes: number): SharedArrayBuffer {
    const fitting = this.#freeSlots.findIndex((slot) => slot.byteLength >= bytes);
    return fitting < 0 ? new SharedArrayBuffer(bytes) : this.#freeSlots.splice(fitting, 1)[0];
  }

  #free({ slot }: Started): void {
    if (slot) this.#freeSlots.push(slot);
  }

  /** A slot is free once nobody writes to it any more. */
  #cancel(one: Started): void {
    if (one.slot) cancelSlot(one.slot);
    const free = () => this.#free(one);
    one.batch.then(free, free);
  }
}

/**
 * Opens a loader. Close it when done.
 *
 * **Throws** `UsageError` if an option is out of range.
 *
 * @example
 * const loader = openLoader({ workers: 2 });
 * for await (const { x, target } of loader.batches(trainSet, { order, epoch: 0 })) await program.run({ x, target });
 * await loader.close();
 */
export function openLoader(options: LoaderOptions = {}): Loader {
  const { workers = Math.min(MOST_BY_DEFAULT, availableParallelism()), prefetch } = options;
  checkOptions({ workers, prefetch }, { workers: integer(0, MOST_WORKERS), prefetch: integer(1) });
  return new Loader(options, workers);
}
