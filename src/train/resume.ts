import path from 'node:path';
import { defined } from '../core/defined.ts';
import { CheckpointError, UsageError } from '../core/errors.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Module } from '../nn/module.ts';
import { checkClasses, checkWeights } from './check-weights.ts';
import { type Checkpoint, loadCheckpoint } from './checkpoint.ts';
import { meaningOf, parseRecipe, type Recipe, type RecipeField, recipeFields } from './recipe.ts';
import { findWeights, weightsFolder } from './weights-files.ts';

export interface ResumableRun {
  runFolder: string;
  checkpoint: Checkpoint;
  recipe: Recipe;
}

const isChangeable = (field: RecipeField): boolean => meaningOf(field).changeable;

/** Refuses another value of a field on which the bits of a run depend. */
function checkUnchanged(before: Recipe, recipe: Recipe, fields: readonly RecipeField[], label = (field: string) => field): void {
  for (const field of fields)
    if (recipe[field] !== before[field] && !isChangeable(field))
      throw new UsageError({
        where: label(field),
        expected: `what the run has, ${before[field] ?? 'none'}`,
        got: `${recipe[field] ?? 'none'}`,
        hint: `A run that goes on can change these alone: ${recipeFields.filter(isChangeable).map(label).join(', ')}`,
      });
}

/** Where a run's folder lies is nothing to its bits. */
const places: readonly RecipeField[] = ['out', 'name'];

/** The run that a checkpoint lies in: what goes on writes there. */
function runFolderOf(file: string): string {
  const folder = path.dirname(file);
  if (path.basename(path.resolve(folder)) === weightsFolder) return path.join(folder, '..');
  throw new CheckpointError({
    where: file,
    expected: `a checkpoint in the folder '${weightsFolder}' of a run`,
    got: `one in '${folder}'`,
    hint: `Put it into <run>/${weightsFolder}: the run goes on in that folder`,
  });
}

/**
 * What a stopped run needs to go on: its checkpoint and its recipe.
 *
 * - `runOrFile` the run folder (its `weights/last.safetensors`), or a checkpoint file in one
 * - `given` fields of the recipe to change: those that are `changeable`; others only repeat what they are
 * - `label` what messages call a field
 *
 * **Throws** `CheckpointError` if there is no checkpoint, it is damaged or lies in no run; `UsageError` naming a field that cannot change.
 */
export async function openRun(
  runOrFile: string,
  given: Readonly<Partial<Record<RecipeField, unknown>>> = {},
  label = (field: string) => field,
): Promise<ResumableRun> {
  const file = await findWeights(runOrFile, ['last']);
  const checkpoint = await loadCheckpoint(file);
  const { recipe: before } = checkpoint.metadata;
  const changes = defined(given);
  const recipe = parseRecipe({ ...before, ...changes }, label);
  checkUnchanged(before, recipe, Object.keys(changes) as RecipeField[], label);
  return { runFolder: runFolderOf(file), checkpoint, recipe };
}

/** Refuses a checkpoint that this network and these images cannot go on from with the same bits, or that is further on than the recipe. */
export function checkResumable(
  { metadata, model, optimizer }: Checkpoint,
  { recipe, module, trainSet }: { recipe: Recipe; module: Module; trainSet: Dataset },
): void {
  const where = 'resume';
  const { epoch: done, batch } = metadata.progress;
  const begun = done + (batch > 0 ? 1 : 0);
  if (recipe.epochs < begun)
    throw new UsageError({
      where: 'epochs',
      expected: `an integer from ${begun}: ${done} ${done === 1 ? 'epoch is' : 'epochs are'} done${begun > done ? ' and the next has begun' : ''}`,
      got: `${recipe.epochs}`,
    });
  checkClasses(metadata.classes, trainSet.classes, where);
  checkWeights(module, model, where);
  checkUnchanged(
    metadata.recipe,
    recipe,
    recipeFields.filter((field) => !places.includes(field)),
  );
  if (metadata.trainImages !== trainSet.length)
    throw new CheckpointError({ where, expected: `the ${metadata.trainImages} training images of before`, got: `${trainSet.length}` });
  const { optimizer: kind, momentum } = metadata.recipe;
  if (optimizer.size === 0 && (kind !== 'sgd' || momentum > 0))
    throw new CheckpointError({
      where,
      expected: 'a checkpoint with the optimizer’s states',
      got: 'one with the weights alone',
      hint: 'Resume from last.safetensors',
    });
}
