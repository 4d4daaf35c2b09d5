import { Command } from 'commander';
import { expect, it } from 'vitest';
import { parseRecipe, recipeFields } from '../train/recipe.ts';
import { recipeIn, recipeOptions } from './options.ts';

/** What is typed, as the recipe of some data. */
function recipeOf(data: string, ...typed: string[]) {
  const command = new Command();
  for (const option of recipeOptions()) command.addOption(option);
  command.parse(typed, { from: 'user' });
  return parseRecipe({ data, ...recipeIn(command.opts()) });
}

it('a switch that folders of pictures have on can be turned off', () => {
  expect(recipeOf('pictures').restoreBest).toBe(true);
  expect(recipeOf('pictures', '--no-restore-best').restoreBest).toBe(false);
  expect(recipeOf('mnist').restoreBest).toBe(false);
  expect(recipeOf('mnist', '--restore-best').restoreBest).toBe(true);
});

it('one that is off by default has no second flag', () => {
  const negated = recipeOptions().flatMap(({ negate, long }) => (negate ? [long] : []));
  expect(negated).toEqual(['--no-restore-best']);
  expect(recipeOptions()).toHaveLength(recipeFields.length - 1 + negated.length);
});
