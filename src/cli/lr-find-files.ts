import type { Splits } from '../train/data-sets.ts';
import type { Recipe } from '../train/recipe.ts';

export async function findLearningRate(_: {
  recipe: Recipe;
  splits: Splits;
  runName: string;
  json?: boolean;
  signal: AbortSignal;
}): Promise<void> {
  throw new Error('later');
}
