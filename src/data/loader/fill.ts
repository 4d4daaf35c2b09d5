import { DataError } from '../../core/errors.ts';
import { sizeOf } from '../../core/shape.ts';
import { reasonOf } from '../check-pictures.ts';
import type { PictureFiles } from '../dataset.ts';
import { SampleReader } from './sample.ts';

/** Bytes before the numbers of a slot: its first word counts the places that are taken. */
export const SLOT_HEADER_BYTES = 64;

/** One batch's work, shared by all who take part in it. */
export interface FillJob {
  /** Samples in order of the batch. */
  readonly indices: Uint32Array;
  readonly epoch: number;
  /** Header and then the numbers of the batch. */
  readonly slot: SharedArrayBuffer;
}

/** What one of them has to tell about the places it filled. */
export interface FillReport {
  /** Places whose file is broken, and the sample that stands there instead. */
  replaced: [place: number, index: number][];
  broken: [index: number, reason: string][];
}

const counterOf = (slot: SharedArrayBuffer): Int32Array => new Int32Array(slot, 0, 1);

export const numbersOf = (slot: SharedArrayBuffer, length: number): Float32Array => new Float32Array(slot, SLOT_HEADER_BYTES, length);

/** Makes a slot ready for a batch. */
export const resetSlot = (slot: SharedArrayBuffer): void => void Atomics.store(counterOf(slot), 0, 0);

/** Lets all who fill a slot stop after the sample they are at. */
export const cancelSlot = (slot: SharedArrayBuffer): void => void Atomics.store(counterOf(slot), 0, 2 ** 30);

/** Samples that may stand at a place, best first: its own, those that follow in the batch, and then in the data set. */
function* candidates(indices: Uint32Array, place: number, length: number): Generator<number> {
  for (let i = 0; i < indices.length; i++) yield indices[(place + i) % indices.length];
  for (let i = 1; i < length; i++) yield (indices[place] + i) % length;
}

/**
 * Reads samples of one source into slots. Several may fill one slot: each takes the next free place until none is left, so nobody waits for
 * a large picture that another reads. What stands where depends on the job alone.
 */
export class Filler {
  readonly #source: PictureFiles;
  readonly #reader: SampleReader;
  readonly #sampleSize: number;
  readonly #broken = new Map<number, string>();

  constructor(source: PictureFiles) {
    this.#source = source;
    this.#reader = new SampleReader(source);
    this.#sampleSize = sizeOf(source.sampleShape);
  }

  /** Fills places until none is left. `pause` is awaited after each. */
  async fill({ indices, epoch, slot }: FillJob, pause?: () => Promise<void>): Promise<FillReport> {
    const counter = counterOf(slot);
    const x = numbersOf(slot, indices.length * this.#sampleSize);
    const report: FillReport = { replaced: [], broken: [] };
    for (let place = Atomics.add(counter, 0, 1); place < indices.length; place = Atomics.add(counter, 0, 1)) {
      await this.#fillPlace(indices, place, epoch, x, report);
      await pause?.();
    }
    return report;
  }

  async #fillPlace(indices: Uint32Array, place: number, epoch: number, x: Float32Array, report: FillReport): Promise<void> {
    const { files } = this.#source;
    for (const index of candidates(indices, place, files.length)) {
      if (this.#broken.has(index)) continue;
      try {
        await this.#reader.read(index, epoch, x, place * this.#sampleSize);
        if (index !== indices[place]) report.replaced.push([place, index]);
        return;
      } catch (error) {
        if (!(error instanceof DataError)) throw error;
        const reason = reasonOf(error, files[index]);
        this.#broken.set(index, reason);
        report.broken.push([index, reason]);
      }
    }
    throw new DataError({
      where: files[indices[place]],
      expected: 'at least one picture that can be read',
      got: `${files.length} broken files`,
      hint: this.#broken.get(indices[place]),
    });
  }
}
