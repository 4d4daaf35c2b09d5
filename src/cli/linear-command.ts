import {
  defaultRates,
  explainScores,
  type LinearLoss,
  type LinearOptions,
  linearLosses,
  linearScores,
  readLevels,
  rowOf,
  squaredWeights,
  trainLinear,
} from '../classic/index.ts';
import { checkObjective } from '../classic/linear-step.ts';
import { UsageError } from '../core/errors.ts';
import type { Dataset } from '../data/dataset.ts';
import { randomSamples } from '../data/random-samples.ts';
import { openSmallPictures } from '../data/small-pictures.ts';
import type { Engine } from '../engine/engine.ts';
import { withEngine } from '../engine/threaded/with-engine.ts';
import { parseRecipe, type Recipe, type RecipeField, scheduleOf } from '../train/recipe.ts';
import { refuseIdle } from '../train/recipe-conditions.ts';
import { type LinearRun, linearJson, linearLines, type PenaltyRun } from './linear-output.ts';
import { writeLinearReport } from './linear-report.ts';
import { asNumber, choiceIn, flagOf, integerIn, linearPresets, recipeIn } from './options.ts';
import { asRunName, inRunFolder } from './own-run-folder.ts';
import { printLines, printNotes } from './print.ts';
import { withBar } from './progress-bar.ts';

export interface LinearCommandOptions extends Readonly<Record<string, unknown>> {
  data: string;
  loss: string;
  margin: unknown;
  l2: unknown;
  compare: string;
  train?: unknown;
  test?: unknown;
  size?: unknown;
  sample: unknown;
  json?: boolean;
}

function numberIn(value: unknown, option: string): number {
  if (typeof value === 'number') return value;
  throw new UsageError({ where: option, expected: 'a number', got: `'${value}'` });
}

/** `0,0.01,1`, or none. */
function penaltiesIn(words: string): number[] {
  if (words === 'none') return [];
  const values = words.split(',').map(asNumber);
  if (!values.every((value): value is number => typeof value === 'number' && value >= 0))
    throw new UsageError({ where: '--compare', expected: 'numbers from 0, such as 0,0.01,1, or none', got: `'${words}'` });
  return values;
}

/** The part of the recipe that says how to descend. */
function recipeOf(options: LinearCommandOptions, loss: LinearLoss): Recipe {
  const presets = Object.fromEntries(Object.entries(linearPresets).filter(([field, preset]) => preset !== undefined && field !== 'lr'));
  const given = recipeIn(options);
  const recipe = parseRecipe({ ...presets, lr: defaultRates[loss], ...given, optimizer: 'sgd' }, flagOf);
  refuseIdle(recipe, Object.keys(given) as RecipeField[], flagOf);
  return recipe;
}

export async function linearCommand(options: LinearCommandOptions): Promise<number> {
  const loss = choiceIn(options.loss, '--loss', linearLosses);
  const margin = numberIn(options.margin, '--margin');
  const l2 = numberIn(options.l2, '--l2');
  checkObjective({ margin, l2 });
  if (loss === 'softmax' && margin !== 1)
    throw new UsageError({ where: '--margin', expected: '--loss hinge', got: `--loss ${loss}, which has no margin` });
  const penalties = penaltiesIn(options.compare);
  const recipe = recipeOf(options, loss);
  const limits = { train: integerIn(options.train, '--train', 1), test: integerIn(options.test, '--test', 1) };
  const sample = integerIn(options.sample, '--sample', 0)!;
  const pictures = await openSmallPictures(options.data, { sizePx: integerIn(options.size, '--size', 1) });
  const pick = (dataset: Dataset, n = dataset.length) => randomSamples(dataset, n, recipe.seed);
  const sets = { train: pick(pictures.train, limits.train), test: pick(pictures.test, limits.test) };
  if (sample >= sets.test.length)
    throw new UsageError({ where: '--sample', expected: `0 to ${sets.test.length - 1}, a test image`, got: `${sample}` });
  printNotes(pictures.notes.map((note) => `note: ${note}`));

  await inRunFolder(recipe.name ?? asRunName(`linear-${pictures.name}`), recipe.out, async (runFolder) => {
    const run = await withEngine(recipe, (engine) =>
      trainAll(engine, { data: pictures.name, ...sets, objective: { loss, margin, l2 }, penalties, recipe, sample, runFolder }),
    );
    const files = await writeLinearReport(run);
    if (options.json) console.log(JSON.stringify(linearJson(run, files), null, 2));
    else printLines(linearLines(run, files));
  });
  return 0;
}

type Plan = Pick<LinearRun, 'data' | 'train' | 'test' | 'objective' | 'recipe' | 'runFolder'> & {
  penalties: readonly number[];
  sample: number;
};

/** The classifier asked for, and one for every λ it is compared with. */
async function trainAll(engine: Engine, plan: Plan): Promise<LinearRun> {
  const { train, test, objective, penalties, recipe, sample, ...rest } = plan;
  const read = async (what: string, dataset: Dataset) => ({
    rows: await withBar(`reading the ${what} images`, (bar) => readLevels(dataset, bar.onProgress)),
    labels: dataset.labels,
  });
  const sets = { train: await read('training', train), test: await read('test', test) };
  const { epochs, batchSize, lr, momentum, seed } = recipe;
  const trainWith = (l2: number, what: string) =>
    withBar(what, ({ onShare: onProgress }) => {
      const options: LinearOptions = { ...sets, ...objective, l2, epochs, batchSize, lr, momentum, seed, classes: train.classes.length };
      return trainLinear(engine, { ...options, schedule: scheduleOf(recipe), onProgress });
    });
  const result = await trainWith(objective.l2, 'training');
  const compared: PenaltyRun[] = [];
  for (const l2 of penalties.length ? [...new Set([...penalties, objective.l2])].sort((a, b) => a - b) : []) {
    const { model, history } = l2 === objective.l2 ? result : await trainWith(l2, `training with λ = ${l2}`);
    const { trainAccuracy, testAccuracy } = history.at(-1)!;
    compared.push({ l2, model, trainAccuracy, testAccuracy, squaredWeights: squaredWeights(model.weight) });
  }
  const x = Float64Array.from(rowOf(sets.test.rows, sample), (level) => level / 255);
  const label = test.labels[sample];
  const explained = { sample, label, ...explainScores(linearScores(result.model, x), label, objective) };
  return { ...rest, train, test, objective, recipe, engine: engine.info, result, compared, explained };
}
