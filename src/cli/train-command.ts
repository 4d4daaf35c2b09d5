import { UsageError } from '../core/errors.ts';
import { createRunFolder } from '../report/run-folder.ts';
import { loadDataSet } from '../train/data-sets.ts';
import { completeRecipe } from '../train/recipe.ts';
import { openRun } from '../train/resume.ts';
import { Trainer } from '../train/trainer.ts';
import { catchInterrupt } from './interrupt.ts';
import { flagOf, recipeIn } from './options.ts';
import { writeArgs, writeReport, writeResults } from './run-files.ts';
import { jsonOutput, textOutput } from './train-output.ts';

export interface TrainCommandOptions extends Readonly<Record<string, unknown>> {
  data?: string;
  resume?: string;
  json?: boolean;
}

/** The options as a recipe; with `--resume`, as changes to the recipe of the run that goes on. */
async function planRun(options: TrainCommandOptions) {
  const given = recipeIn(options);
  const label = (field: string) => (field === 'data' ? 'data set' : flagOf(field));
  if (options.resume) return openRun(options.resume, given, label);
  if (!options.data) throw new UsageError({ where: 'train', expected: 'a data set (mnist) or --resume <run>', got: 'neither' });
  return { recipe: completeRecipe(given, label), checkpoint: undefined, runFolder: undefined };
}

export async function trainCommand(options: TrainCommandOptions): Promise<number> {
  const { recipe, checkpoint, runFolder: existing } = await planRun(options);
  const { train: trainSet, test: testSet } = await loadDataSet(recipe);
  const output = options.json ? jsonOutput() : textOutput();
  const interrupt = catchInterrupt(output.interrupting);
  try {
    const trainer = await Trainer.open({
      trainSet,
      testSet,
      recipe,
      resume: checkpoint,
      signal: interrupt.signal,
      onStep: output.step,
      onEvaluate: output.evaluation,
      onCheckpoint: (runFolder, { history }) => writeResults(runFolder, history, trainSet.length),
    });
    try {
      const runFolder = existing ?? (await createRunFolder(recipe.name ?? recipe.data, { root: recipe.out }));
      await writeArgs(runFolder, recipe);
      output.start({
        recipe,
        runFolder,
        engine: trainer.engineInfo,
        engineBefore: checkpoint?.metadata.engine,
        trainSet,
        testSet,
        progress: trainer.progress,
      });
      const result = await trainer.run({ runFolder });
      if (result.interrupted) output.interrupted(result);
      else output.end(result, await writeReport(runFolder, result, testSet, trainSet.length));
    } finally {
      await trainer.close();
    }
  } finally {
    output.close();
    interrupt.release();
  }
  return interrupt.status;
}
