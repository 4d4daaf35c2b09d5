import { existsSync } from 'node:fs';
import path from 'node:path';
import { UsageError } from '../core/errors.ts';
import { outcomesOf } from '../report/outcomes.ts';
import { createRunFolder } from '../report/run-folder.ts';
import { isNamedDataSet } from '../train/data-set-names.ts';
import { loadDataSet, type Splits } from '../train/data-sets.ts';
import { isRunOver } from '../train/progress.ts';
import { completeRecipe, type Recipe, type RecipeField } from '../train/recipe.ts';
import { refuseIdle } from '../train/recipe-conditions.ts';
import { openRun } from '../train/resume.ts';
import type { TrainResult } from '../train/train-options.ts';
import { Trainer } from '../train/trainer.ts';
import { createInterrupt } from './interrupt.ts';
import { findLearningRate } from './lr-find-files.ts';
import { flagOf, recipeIn } from './options.ts';
import { writePictureDrawings, writePictureTables, writeTrainBatch } from './picture-files.ts';
import { fileLines, fontLines, summaryLines } from './picture-text.ts';
import { openBar } from './progress-bar.ts';
import { writeArgs, writeReport, writeResults } from './run-files.ts';
import { outlastOutput } from './standard-output.ts';
import { jsonOutput, type TrainOutput, textOutput } from './train-output.ts';

export interface TrainCommandOptions extends Readonly<Record<string, unknown>> {
  data?: string;
  resume?: string;
  lrFind?: boolean;
  json?: boolean;
}

/** Fields that hold a path, unless they hold one of these words. */
const words = ['imagenet', 'none'];

/** Paths made independent of the folder the command runs in, so that a run can go on from anywhere. */
const withFullPaths = (given: Readonly<Record<string, unknown>>): Record<string, unknown> => {
  const isPath = (field: string, value: unknown) =>
    field === 'data' ? !isNamedDataSet(String(value)) && existsSync(String(value)) : !words.includes(String(value));
  const fields = ['data', 'weights', 'names'].filter((field) => given[field] !== undefined && isPath(field, given[field]));
  return { ...given, ...Object.fromEntries(fields.map((field) => [field, path.resolve(String(given[field]))])) };
};

/** The options as a recipe; with `--resume`, as changes to the recipe of the run that goes on. */
async function planRun(options: TrainCommandOptions) {
  const given = withFullPaths(recipeIn(options));
  const label = (field: string) => (field === 'data' ? 'data set' : flagOf(field));
  if (options.resume) return openRun(options.resume, given, label);
  if (!options.data)
    throw new UsageError({ where: 'train', expected: 'a data set (mnist), a folder of pictures or --resume <run>', got: 'neither' });
  const recipe = completeRecipe(given, label);
  refuseIdle(recipe, Object.keys(given) as RecipeField[], label);
  return { recipe, checkpoint: undefined, runFolder: undefined };
}

/** The run folder's name: the user's, or the data's with what a name may not hold replaced. */
const runNameOf = ({ name, data }: Recipe): string =>
  name ??
  (path
    .basename(data)
    .replace(/[^\p{L}\p{N}._-]+/gu, '-')
    .replace(/^\.+/, '') ||
    'run');

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
  const { recipe, checkpoint, runFolder: existing } = await planRun(options);
  const splits = await loadDataSet(recipe);
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
      signal: interrupt.signal,
      onDownload: bar.onDownload,
      onPrepare: output.prepare,
      onStep: output.step,
      onEvaluate: output.evaluation,
      onNote: output.note,
      onCheckpoint: (runFolder, progress) => {
        isOver = isRunOver(progress, recipe);
        return writeResults(runFolder, progress.history, trainSet);
      },
    }).finally(bar.stop);
    try {
      // Before there is a run folder, nothing is lost by ending at once.
      interrupt.listen();
      isOver = isRunOver(trainer.progress, recipe);
      const runFolder = existing ?? (await createRunFolder(runNameOf(recipe), { root: recipe.out }));
      await writeArgs(runFolder, recipe);
      output.start({
        recipe,
        runFolder,
        engine: trainer.engineInfo,
        engineBefore: checkpoint?.metadata.engine,
        trainSet,
        testSet,
        trainedKeys: trainer.trainedKeys,
        progress: trainer.progress,
      });
      if (trainSet.pictures)
        await writeTrainBatch({ runFolder, trainSet, testSet, names: names ?? trainSet.classes }, recipe.seed, recipe.batchSize);
      const result = await trainer.run({ runFolder });
      for (const { file, reason } of trainer.broken) output.note(`broken picture: ${file} (${reason})`);
      if (result.interrupted) output.interrupted(result);
      else await report(runFolder, result, splits, output);
    } finally {
      await trainer.close();
    }
  } finally {
    output.close();
    interrupt.release();
  }
  return interrupt.status;
}
