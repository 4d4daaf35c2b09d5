import type { EngineOptions } from '../engine/threaded/index.ts';
import { completeRecipe } from '../train/recipe.ts';
import { flagOf } from './program.ts';

/** `--engine` and `--threads`, checked as the recipe's fields of these names. */
export function engineOptionsIn({ engine, threads }: { engine?: unknown; threads?: unknown }): EngineOptions {
  const given = Object.fromEntries(Object.entries({ engine, threads }).filter(([, value]) => value !== undefined));
  const recipe = completeRecipe(given, flagOf);
  return { engine: recipe.engine, threads: recipe.threads };
}
