import { existsSync } from 'node:fs';
import path from 'node:path';
import { CheckpointError } from '../core/errors.ts';
import { outcomesOf } from '../report/outcomes.ts';
import { createRunFolder } from '../report/run-folder.ts';
import type { Splits } from '../train/data-sets.ts';
import { isRunOver } from '../train/progress.ts';
import type { Recipe } from '../train/recipe.ts';
import type { TrainResult } from '../train/train-options.ts';
import { Trainer } from '../train/trainer.ts';
import { weightsFile } from '../train/weights-files.ts';
import { createInterrupt } from './interrupt.ts';
import { findLearningRate } from './lr-find-files.ts';
import { asRunName } from './own-run-folder.ts';
import { writePictureDrawings, writePictureTables, writeTrainBatch } from './picture-files.ts';
import { fileLines, fontLines, summaryLines } from './picture-text.ts';
import { openData, planRun, type TrainCommandOptions } from './planned-run.ts';
import { openBar } from './progress-bar.ts';
import { writeArgs, writeReport, writeResults } from './run-files.ts';
import { outlastOutput } from './standard-output.ts';
import { jsonOutput, type TrainOutput, textOutput } from './train-output.ts';

/** What the disk refused, with how to go on from the weights that are on it, if any are. */
function withResume(error: unknown, runFolder: string): unknown {
  if (!(error instanceof CheckpointError) || !existsSync(weightsFile(runFolder, 'last'))) return error;
  const { hint, ...complaint } = error.complaint;
  return new CheckpointError({ ...complaint, hint: `${hint} To go on then: npx fovea train --resume ${runFolder}` }, { cause: error });
}

/** The run folder's name: the user's, or the data's. */
const runNameOf = ({ name, data }: Recipe): string => name ?? asRunName(path.basename(data));

/** Writes what a finished run shows and tells it. */
async function report(runFolder: string, result: TrainResult, { train, test, names }: Splits, output: TrainOutput): Promise<void> {
  if (!test.pictures) {
    output.end(result, { files: await writeReport(runFolder, result, test, train.length) });
    return;
  }
  const run = { runFolder, trainSet: train, testSet: test, names: names ?? train.classes };
  const outcomes = outcomesOf(result.evaluation!, test);
  const summary = await writePictureTables(run, result, outcomes);
  output.say(summaryLines(summary));
  // This takes seconds: the figures stand there meanwhile.
  await writePictureDrawings(run, result, outcomes);
  output.end(result, { text: [...fontLines(run.names, runFolder), ...fileLines(runFolder)] });
}

export async function trainCommand(options: TrainCommandOptions): Promise<number> {
  outlastOutput();
  const run = await planRun(options);
  const { recipe, checkpoint } = run;
  let { runFolder } = run;
  const splits = await openData(run, options);
  const { train: trainSet, test: testSet, names, report: found } = splits;
  if (options.lrFind) return findLearningRate({ recipe, splits, runName: runNameOf(recipe), json: options.json });
  const output = options.json ? jsonOutput() : textOutput();
  output.say(found?.lines ?? []);
  let isOver = false;
  const interrupt = createInterrupt(() => output.interrupting(isOver));
  const bar = openBar(`downloading the weights of ${recipe.model}`);
  try {
    const trainer = await Trainer.open({
      trainSet,
      testSet,
      names,
      recipe,
      resume: checkpoint,
      runFolder,
      signal: interrupt.signal,
      onDownload: bar.onDownload,
      onPrepare: output.prepare,
      onStep: output.step,
      onEvaluate: output.evaluation,
      onNote: output.note,
      onCheckpoint: (folder, progress) => {
        isOver = isRunOver(progress, recipe);
        return writeResults(folder, progress.history, trainSet);
      },
    }).finally(bar.stop);
    try {
      // Before there is a run folder, nothing is lost by ending at once.
      interrupt.listen();
      isOver = isRunOver(trainer.progress, recipe);
      runFolder ??= await createRunFolder(runNameOf(recipe), { root: recipe.out });
      await writeArgs(runFolder, recipe);
      output.start({
        recipe,
        runFolder,
        engine: trainer.engineInfo,
        engineBefore: checkpoint?.metadata.engine,
        trainSet,
        testSet,
        trainedKeys: trainer.trainedKeys,
        parameters: trainer.module.parameters(),
        progress: trainer.progress,
      });
      if (trainSet.pictures)
        await writeTrainBatch({ runFolder, trainSet, testSet, names: names ?? trainSet.classes }, recipe.seed, recipe.batchSize);
      const result = await trainer.run({ runFolder });
      for (const { file, reason } of trainer.broken) output.note(`broken picture: ${file} (${reason})`);
      if (result.interrupted) output.interrupted(result);
      else await report(runFolder, result, splits, output);
    } catch (error) {
      throw runFolder ? withResume(error, runFolder) : error;
    } finally {
      await trainer.close();
    }
  } finally {
    output.close();
    interrupt.release();
  }
  return interrupt.status;
}
