import { FoveaError } from '../core/errors.ts';
import type { StateDict } from '../core/ndarray.ts';
import { pathKind } from '../data/path-kind.ts';
import { forgetBest } from './advance.ts';
import { type Checkpoint, loadCheckpoint, saveCheckpoint } from './checkpoint.ts';
import type { Progress } from './progress.ts';
import type { TrainEvents } from './train-options.ts';
import { prepareWeightsFolder, weightsFile } from './weights-files.ts';

/** The weights of a run's best evaluation, or what is wrong with their file. */
export async function readBest(runFolder: string): Promise<{ state?: StateDict; problem?: string }> {
  const file = weightsFile(runFolder, 'best');
  if (!(await pathKind(file))) return { problem: `${file} is missing` };
  return loadCheckpoint(file).then(
    ({ model }) => ({ state: model }),
    (error: unknown) => {
      if (!(error instanceof FoveaError)) throw error;
      return { problem: `${file} is damaged` };
    },
  );
}

/** Goes on without the weights of the best evaluation, and says so. */
export function loseBest(progress: Progress, problem: string, note: TrainEvents['onNote']): void {
  note?.(`${problem}: the best weights so far, of epoch ${progress.best!.epoch}, are lost. The best of those from now on are kept instead`);
  forgetBest(progress);
}

/** A checkpoint to go on from, whose best weights are in the run's folder; where they were not, the best are others. */
export async function mendBest(checkpoint: Checkpoint, runFolder: string, note: TrainEvents['onNote']): Promise<Checkpoint> {
  if (!checkpoint.metadata.progress.best) return checkpoint;
  const { problem } = await readBest(runFolder);
  if (!problem) return checkpoint;
  const progress = structuredClone(checkpoint.metadata.progress);
  loseBest(progress, problem, note);
  const mended = { ...checkpoint, metadata: { ...checkpoint.metadata, progress } };
  if (progress.best) {
    await prepareWeightsFolder(runFolder);
    await saveCheckpoint(weightsFile(runFolder, 'best'), { ...mended, optimizer: new Map() });
  }
  return mended;
}
