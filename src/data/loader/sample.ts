import { Rng } from '../../core/rng.ts';
import type { PictureFiles } from '../dataset.ts';
import { openPicture } from '../picture.ts';
import { compose, type Pipeline } from '../transforms/index.ts';

/** Makes samples of picture files in this thread. */
export class SampleReader {
  readonly #pictures: PictureFiles;
  readonly #pipeline: Pipeline;

  constructor(pictures: PictureFiles) {
    this.#pictures = pictures;
    this.#pipeline = compose(pictures.transforms);
  }

  /**
   * Writes one sample at `offset`. What its transforms draw depends on seed, epoch and index alone.
   *
   * **Throws** `DataError` if the file cannot be read.
   */
  async read(index: number, epoch: number, into: Float32Array, offset: number): Promise<void> {
    const { files, seed } = this.#pictures;
    await this.#pipeline.load(await openPicture(files[index]), new Rng(seed, 'augment', epoch, index), into, offset);
  }
}
