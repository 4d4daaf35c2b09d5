import { DataError, ShapeError, UsageError } from '../core/errors.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import { checkLabels, type Dataset } from '../data/dataset.ts';
import { checkClasses } from './check-weights.ts';
import type { RecipeInput } from './recipe.ts';
import type { TrainOptions } from './train-options.ts';

/** Refuses a data set that nothing can be computed from. */
export function checkDataset(dataset: Dataset): void {
  if (dataset.length === 0) throw new DataError({ where: dataset.name, expected: 'samples', got: 'none' });
  checkLabels(dataset);
}

/** Refuses data sets that one network cannot be trained and judged on. */
export function checkSets(trainSet: Dataset, testSet: Dataset): void {
  for (const dataset of [trainSet, testSet]) checkDataset(dataset);
  checkClasses(trainSet.classes, testSet.classes, testSet.name);
  const { name, sampleShape } = testSet;
  if (!sameShape(sampleShape, trainSet.sampleShape))
    throw new ShapeError({
      where: name,
      expected: `samples as those of training, ${formatShape(trainSet.sampleShape)}`,
      got: formatShape(sampleShape),
    });
}

const transferFields = ['weights', 'freeze', 'unfreezeEpoch', 'backboneLr', 'hiddenUnits'] as const;

/** Refuses numbers and choices for a network of the caller's own where the recipe makes the network. */
export function refuseOwnParts({ state, trains }: Pick<TrainOptions, 'state' | 'trains'>): void {
  for (const [field, value] of Object.entries({ state, trains }))
    if (value !== undefined)
      throw new UsageError({
        where: field,
        expected: 'a network of your own beside it (model)',
        got: 'none',
        hint: 'In a recipe, weights and freeze say what its network begins with and what trains',
      });
}

/** Refuses what a recipe says of a network's parts beside a network that the caller made: nothing is known of its parts. */
export function refuseTransfer(recipe: RecipeInput): void {
  for (const field of transferFields) {
    const value = recipe[field];
    if (value !== undefined && value !== 'none')
      throw new UsageError({
        where: field,
        expected: 'a network that the recipe names (model)',
        got: `'${value}' beside one of your own`,
        hint: 'For your own network the options state and trains say what it begins with and what trains: leave it out',
      });
  }
}
