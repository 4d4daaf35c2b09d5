import path from 'node:path';
import { CheckpointError } from '../core/errors.ts';
import { makeFolder } from '../data/make-folder.ts';
import { pathKind } from '../data/path-kind.ts';
import { asWriteError, removeLeftScratch } from '../data/write-atomic.ts';
import { listModels } from '../models/index.ts';

export type WeightsName = 'best' | 'last';
/** Folder of a run that holds its checkpoints. */
export const weightsFolder = 'weights';
export const weightsFile = (runFolder: string, name: WeightsName): string => path.join(runFolder, weightsFolder, `${name}.safetensors`);

/** Makes `<run>/weights` and removes what a killed process left half written there. */
export async function prepareWeightsFolder(runFolder: string): Promise<void> {
  const folder = path.join(runFolder, weightsFolder);
  try {
    await makeFolder(folder);
    await removeLeftScratch(folder);
  } catch (error) {
    throw asWriteError(folder, error);
  }
}

/**
 * The checkpoint file that a path means: the file itself, or in a run folder the first of `order` that is there.
 *
 * **Throws** `CheckpointError` if there is none.
 */
export async function findWeights(runOrFile: string, order: readonly WeightsName[] = ['best', 'last']): Promise<string> {
  const kind = await pathKind(runOrFile);
  if (kind === 'file') return runOrFile;
  if (!kind) {
    const isModel = listModels().some(({ name }) => name === runOrFile);
    const hint = isModel ? `That is a model’s name: train it (fovea train <data> --model ${runOrFile}), then name the run` : undefined;
    throw new CheckpointError({ where: runOrFile, expected: 'a run folder or a checkpoint', got: 'nothing of that name', hint });
  }
  for (const name of order) if (await pathKind(weightsFile(runOrFile, name))) return weightsFile(runOrFile, name);
  const names = order.map((name) => `weights/${name}.safetensors`).join(' or ');
  throw new CheckpointError({ where: runOrFile, expected: `a run folder with ${names}`, got: 'a folder without' });
}
