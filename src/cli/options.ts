import { Option } from 'commander';
import { UsageError } from '../core/errors.ts';
import type { EngineOptions } from '../engine/threaded/index.ts';
import { completeRecipe, meaningOf, type RecipeField, recipeFields } from '../train/recipe.ts';

/** `batchSize` → `--batch-size`. */
export const flagOf = (field: string): string => `--${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** A number if it is one; else the text, which the recipe's check refuses with its range. */
export const asNumber = (text: string): number | string => (text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text);

/** A field of the recipe as an option; `preset` what its help calls the default, if not the recipe's. */
export function recipeOption(field: RecipeField, preset: unknown = completeRecipe({})[field]): Option {
  const { doc, value, group } = meaningOf(field);
  const note = preset === undefined || preset === false ? '' : ` (default: ${preset})`;
  const option = new Option(value ? `${flagOf(field)} <${value}>` : flagOf(field), doc + note).helpGroup(`${group}:`);
  return value === 'n' ? option.argParser(asNumber) : option;
}

/** The recipe's fields as options; `data` is an argument. */
export const recipeOptions = (): Option[] => recipeFields.filter((field) => field !== 'data').map((field) => recipeOption(field));

/** The recipe's fields among the options of a command. */
export const recipeIn = (options: Readonly<Record<string, unknown>>): Partial<Record<RecipeField, unknown>> =>
  Object.fromEntries(recipeFields.flatMap((field) => (options[field] === undefined ? [] : [[field, options[field]]])));

export const json = () => new Option('--json', 'print JSON instead of text');

/** The engine to compute with, for commands that are told nothing else of a recipe. */
export const engineOptions = (): Option[] => [
  new Option('--engine <name>', 'auto, onednn or reference'),
  new Option('--threads <n>', 'threads of the engine').argParser(asNumber),
];

/** `--engine` and `--threads`, checked as the recipe's fields of these names. */
export function engineOptionsIn({ engine, threads }: { engine?: unknown; threads?: unknown }): EngineOptions {
  const given = Object.fromEntries(Object.entries({ engine, threads }).filter(([, value]) => value !== undefined));
  const recipe = completeRecipe(given, flagOf);
  return { engine: recipe.engine, threads: recipe.threads };
}

/** An integer from `min`; undefined stays, for options that may be left out. */
export function integerIn(value: unknown, option: string, min: number): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= min) return value;
  throw new UsageError({
    where: option,
    expected: `an integer from ${min}`,
    got: typeof value === 'string' ? `'${value}'` : String(value),
  });
}

/** A name as run folders may have it. */
export const runNameOf = (name: string): string => name.replace(/[^\p{L}\p{N}._-]+/gu, '-');

/** The recipe's fields that `fovea linear` has, with its own defaults. */
export const linearPresets = {
  epochs: 10,
  batchSize: 100,
  lr: '0.01; 0.001 with --loss hinge',
  momentum: 0.9,
  schedule: 'cosine',
  stepSizeEpochs: undefined,
  gamma: undefined,
  minLr: undefined,
  seed: 0,
  engine: undefined,
  threads: undefined,
  out: undefined,
  name: undefined,
} as const satisfies Partial<Record<RecipeField, unknown>>;
