import { existsSync } from 'node:fs';
import path from 'node:path';
import { UsageError } from '../core/errors.ts';
import { isNamedDataSet } from '../train/data-set-names.ts';
import { checkPicturesOf, dataOf, loadDataSet, type Splits } from '../train/data-sets.ts';
import { parseRecipe, type RecipeField } from '../train/recipe.ts';
import { refuseIdle } from '../train/recipe-conditions.ts';
import { openRun, type ResumableRun } from '../train/resume.ts';
import { flagOf, recipeIn } from './options.ts';

export interface TrainCommandOptions extends Readonly<Record<string, unknown>> {
  data?: string;
  resume?: string;
  lrFind?: boolean;
  json?: boolean;
}

/** Fields that hold a path … */
const pathFields = ['data', 'dataDir', 'weights', 'names'];
/** … unless they hold one of these words. */
const words = ['imagenet', 'none'];

/** Paths made independent of the folder the command runs in, so that a run can go on from anywhere. */
const withFullPaths = (given: Readonly<Record<string, unknown>>): Record<string, unknown> => {
  const isPath = (field: string, value: unknown) =>
    field === 'data' ? !isNamedDataSet(String(value)) && existsSync(String(value)) : !words.includes(String(value));
  const fields = pathFields.filter((field) => given[field] !== undefined && isPath(field, given[field]));
  return { ...given, ...Object.fromEntries(fields.map((field) => [field, path.resolve(String(given[field]))])) };
};

export type PlannedRun = ResumableRun | (Pick<ResumableRun, 'recipe'> & { checkpoint: undefined; runFolder: undefined });

/** The options as a recipe; with `--resume`, as changes to the recipe of the run that goes on. */
export async function planRun(options: TrainCommandOptions): Promise<PlannedRun> {
  const given = withFullPaths(recipeIn(options));
  const label = (field: string) => (field === 'data' ? 'data set' : flagOf(field));
  if (options.resume !== undefined) {
    if (options.lrFind)
      throw new UsageError({
        where: '--lr-find',
        expected: 'a run that begins',
        got: '--resume as well',
        hint: 'It tries learning rates for fresh weights: leave one of the two out',
      });
    return openRun(options.resume, given, label);
  }
  if (!options.data)
    throw new UsageError({ where: 'train', expected: 'a data set (mnist), a folder of pictures or --resume <run>', got: 'neither' });
  const recipe = parseRecipe(given, label);
  refuseIdle(recipe, Object.keys(given) as RecipeField[], label);
  return { recipe, checkpoint: undefined, runFolder: undefined };
}

/** The pictures of a run: their names are in its checkpoint if it goes on, unless others are given. */
export async function openData({ recipe, checkpoint }: PlannedRun, options: TrainCommandOptions): Promise<Splits> {
  if (!checkpoint) return loadDataSet(recipe);
  if (options.data === undefined)
    await checkPicturesOf(recipe, 'trains', `If they moved: npx fovea train <new place> --resume ${options.resume}`);
  return loadDataSet(recipeIn(options).names === undefined ? dataOf({ ...checkpoint.metadata, recipe }) : recipe);
}
