import { DataError, ShapeError, UsageError } from '../core/errors.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import type { Dataset } from '../data/dataset.ts';
import { checkClasses } from './checkpoint.ts';
import type { RecipeInput } from './recipe.ts';

/** Refuses data sets that one network cannot be trained and judged on. */
export function checkSets(trainSet: Dataset, testSet: Dataset): void {
  for (const { name, length } of [trainSet, testSet])
    if (length === 0) throw new DataError({ where: name, expected: 'samples', got: 'none' });
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

/** Refuses what a recipe says of a network's parts beside a network that the caller made: nothing is known of its parts. */
export function refuseTransfer(recipe: RecipeInput): void {
  for (const field of transferFields) {
    const value = recipe[field];
    if (value !== undefined && value !== 'none')
      throw new UsageError({
        where: field,
        expected: 'a network that the recipe names (model)',
        got: `'${value}' beside one of your own`,
        hint: 'All layers of your own train from their initial values: leave it out, and with a folder of pictures say weights: none',
      });
  }
}
