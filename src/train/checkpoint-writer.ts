import { type Checkpoint, saveCheckpoint } from './checkpoint.ts';
import type { TrainEvents } from './train-options.ts';
import { prepareWeightsFolder, type WeightsName, weightsFile } from './weights-files.ts';

/** Writes the checkpoints of a run while training goes on, one at a time. */
export class CheckpointWriter {
  readonly runFolder: string;
  readonly #onCheckpoint: TrainEvents['onCheckpoint'];
  /** Step of the weights that are on the disk, if any are. */
  #step: number | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** `step`: that of the checkpoint which the run goes on from. */
  constructor(runFolder: string, step: number | undefined, onCheckpoint: TrainEvents['onCheckpoint']) {
    this.runFolder = runFolder;
    this.#step = step;
    this.#onCheckpoint = onCheckpoint;
  }

  /** Makes the folder, or refuses it before any work is done. */
  prepare(): Promise<void> {
    return prepareWeightsFolder(this.runFolder);
  }

  /** What a message says of the weights that are kept: nothing before there are any. */
  get keptText(): string {
    return this.#step === undefined ? '' : `${weightsFile(this.runFolder, 'last')} holds the weights after step ${this.#step}. `;
  }

  /** Begins to write once the checkpoint before is on the disk. */
  async begin(names: readonly WeightsName[], checkpoint: Checkpoint): Promise<void> {
    await this.#writing;
    this.#writing = this.#write(names, checkpoint);
    // An error is reported where the write is awaited; until then it is not unhandled.
    this.#writing.catch(() => {});
  }

  /** Waits for the disk. **Throws** `CheckpointError` if it did not take the last checkpoint. */
  finish(): Promise<void> {
    return this.#writing;
  }

  async #write(names: readonly WeightsName[], checkpoint: Checkpoint): Promise<void> {
    // Only `last` is gone on from.
    for (const name of names)
      await saveCheckpoint(weightsFile(this.runFolder, name), name === 'last' ? checkpoint : { ...checkpoint, optimizer: new Map() });
    this.#step = checkpoint.metadata.progress.step;
    await this.#onCheckpoint?.(this.runFolder, checkpoint.metadata.progress);
  }
}
