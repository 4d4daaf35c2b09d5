import { CheckpointError, DataError, UsageError } from '../core/errors.ts';
import type { StateDict } from '../core/ndarray.ts';
import { findBroken, reasonOf } from '../data/check-pictures.ts';
import { decodePicture } from '../data/picture.ts';
import { pictureDataset } from '../data/picture-dataset.ts';
import type { TransformList } from '../data/transforms/index.ts';
import type { WithEngine } from '../engine/threaded/with-engine.ts';
import { listModels } from '../models/index.ts';
import type { Module } from '../nn/module.ts';
import { checkWeights } from './check-weights.ts';
import { type CheckpointMetadata, loadCheckpoint } from './checkpoint.ts';
import { evaluate } from './evaluate.ts';
import { softmaxRow } from './metrics.ts';
import { networkOf } from './model-facts.ts';
import { checkTopK, type Guess, rankGuesses } from './predict.ts';
import { findWeights } from './weights-files.ts';

/** A trained network with all that it takes to use it. */
export interface Recognizer {
  /** The checkpoint it comes from. */
  readonly file: string;
  readonly model: Module;
  readonly state: StateDict;
  /** Names of the class folders, by index, and names to show for them. */
  readonly classes: readonly string[];
  readonly names: readonly string[];
  /** How a picture in a file becomes a sample; undefined for networks of data sets that are no pictures in files. */
  readonly preprocessing: TransformList | undefined;
  readonly metadata: CheckpointMetadata;
}

/**
 * Opens a trained network: a run folder (its best weights) or a checkpoint file.
 *
 * **Throws** `CheckpointError` or `FormatError` naming the file if it is missing, damaged or not of its network; `UsageError` for a network
 * that only the program knows that trained it.
 *
 * @example const { names } = await openRecognizer('runs/flowers');
 */
export async function openRecognizer(runOrFile: string): Promise<Recognizer> {
  const file = await findWeights(runOrFile);
  const { metadata, model: state } = await loadCheckpoint(file);
  if (!listModels().some(({ name }) => name === metadata.model))
    throw new UsageError({
      where: file,
      expected: 'a network that can be made by its name',
      got: `'${metadata.model}', which only the program knows that trained it`,
      hint: 'There, `predict` takes the network beside the numbers of `loadCheckpoint`; `defineModel` makes its name known',
    });
  const model = networkOf(metadata);
  checkWeights(model, state, file);
  const { classes, names = classes, preprocessing } = metadata;
  return { file, model, state, classes, names, preprocessing, metadata };
}

/** What a network sees in one picture, or why it sees nothing. */
export type PictureGuesses = { readonly file: string } & ({ readonly guesses: Guess[] } | { readonly problem: string });

/**
 * The classes a trained network sees in picture files, the most probable first.
 *
 * - `recognizer` of `openRecognizer`; `files` paths; `topK` how many classes, default 5; `workers` threads that read pictures
 *
 * Numerics: pictures are prepared as validation prepares them, so the probabilities are those of validation up to the order of sums in
 * batches of another size (about 1e-6).
 *
 * A file that cannot be decoded has a `problem` instead of guesses.
 *
 * **Throws** `CheckpointError` if the network does not take pictures in files; `UsageError` for another `topK`.
 *
 * @example const [rose] = await recognise({ recognizer: await openRecognizer('runs/flowers'), files: ['rose.jpg'] });
 */
export async function recognise({
  recognizer: { file: weights, model, state, names, preprocessing },
  files,
  topK = 5,
  ...rest
}: {
  recognizer: Pick<Recognizer, 'file' | 'model' | 'state' | 'names' | 'preprocessing'>;
  files: readonly string[];
  topK?: number;
  workers?: number;
  onProgress?: (done: number, total: number) => void;
} & WithEngine): Promise<PictureGuesses[]> {
  checkTopK(topK);
  if (!preprocessing) throw new CheckpointError({ where: weights, expected: 'a network trained on pictures in files', got: 'another one' });
  const problems = new Map((await findBroken(files)).map(({ file, reason }) => [file, reason]));
  const guesses = new Map<string, Guess[]>();
  const look = async (sound: readonly string[]): Promise<void> => {
    if (sound.length === 0) return;
    const split = { files: sound, labels: new Int32Array(sound.length) };
    const dataset = pictureDataset({ name: 'pictures', split, classes: names, transforms: preprocessing });
    const { logits, skipped } = await evaluate({ model, state, dataset, ...rest });
    const left = new Set(skipped);
    for (const [row, file] of sound.entries())
      if (!left.has(row)) guesses.set(file, rankGuesses(softmaxRow(logits, row * names.length, names.length), names).slice(0, topK));
  };
  const isSound = (file: string) => !problems.has(file);
  const looked = files.filter(isSound);
  // Nothing can be read of a batch that is damaged all through.
  await look(looked).catch(async (error: unknown) => {
    if (!(error instanceof DataError)) throw error;
    await addDamaged(looked, problems);
    await look(looked.filter(isSound));
  });
  await addDamaged(
    looked.filter((file) => isSound(file) && !guesses.has(file)),
    problems,
  );
  return files.map((file) =>
    guesses.has(file) ? { file, guesses: guesses.get(file)! } : { file, problem: problems.get(file) ?? 'damaged' },
  );
}

/** Decodes files whole and notes why some cannot be. */
async function addDamaged(files: readonly string[], problems: Map<string, string>): Promise<void> {
  for (const file of files)
    await decodePicture(file).catch((error: unknown) => {
      problems.set(file, reasonOf(error, file));
    });
}
