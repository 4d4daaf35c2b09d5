import { Option } from 'commander';
import { UsageError } from '../core/errors.ts';
import { didYouMean } from '../core/nearest.ts';
import { checkOptions, integer } from '../core/option-ranges.ts';
import type { EngineOptions } from '../engine/threaded/index.ts';
import { completeRecipe, meaningOf, parseRecipe, type RecipeField, recipeFields } from '../train/recipe.ts';

/** `batchSize` → `--batch-size`. */
export const flagOf = (field: string): string => `--${field.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

/** A number if it is one; else the text, which the recipe's check refuses with its range. */
export const asNumber = (text: string): number | string => (text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text);

/** Recipes that nothing else is said of: of a data set, of a folder of pictures, of one whose backbone trains too, and of one without weights. */
const folder = { data: 'folder' };
const [usual, usualOfFolders, usualThawed, usualAfresh] = [{}, folder, { ...folder, freeze: 'none' }, { ...folder, weights: 'none' }].map(
  (given) => completeRecipe(given),
);

/** What the help calls a field's default: one of data sets, one of folders of pictures. */
function presetOf(field: RecipeField): string | undefined {
  const [own, ofFolders, thawed, afresh] = [usual, usualOfFolders, usualThawed, usualAfresh].map((recipe) => recipe[field]);
  const others =
    field !== 'freeze' && thawed !== ofFolders
      ? ` where only the head trains, else ${thawed}`
      : field !== 'weights' && afresh !== ofFolders
        ? `, with --weights none: ${afresh}`
        : '';
  const hasOwn = own !== undefined && own !== false;
  const parts = [...(hasOwn ? [`${own}`] : []), ...(ofFolders === own ? [] : [`of folders: ${ofFolders}${others}`])];
  return parts.length > 0 ? parts.join('; ') : undefined;
}

/** A field of the recipe as an option; `preset` what its help calls the default and `words` what it says, if not as the recipe. */
export function recipeOption(field: RecipeField, preset: unknown = presetOf(field), words?: string): Option {
  const { doc, value, group, allowed, listed } = meaningOf(field);
  const names = listed ? `: ${allowed}` : '';
  const note = preset === undefined || preset === false ? '' : ` (default: ${preset})`;
  const option = new Option(value ? `${flagOf(field)} <${value}>` : flagOf(field), (words ?? doc) + names + note).helpGroup(`${group}:`);
  return value === 'n' ? option.argParser(asNumber) : option;
}

/** How to turn a switch off that folders of pictures have on. */
function offSwitches(field: RecipeField): Option[] {
  if (usualOfFolders[field] !== true) return [];
  const flag = flagOf(field);
  return [new Option(flag.replace('--', '--no-'), `turn ${flag} off`).helpGroup(`${meaningOf(field).group}:`)];
}

/** The recipe's fields as options; `data` is an argument. */
export const recipeOptions = (): Option[] =>
  recipeFields.filter((field) => field !== 'data').flatMap((field) => [recipeOption(field), ...offSwitches(field)]);

/** The recipe's fields among the options of a command, those of other names included. */
export function recipeIn(options: Readonly<Record<string, unknown>>): Partial<Record<RecipeField, unknown>> {
  const named = withAliases(options, trainAliases);
  return Object.fromEntries(recipeFields.flatMap((field) => (named[field] === undefined ? [] : [[field, named[field]]])));
}

/** Options of the well-known flowers program, and what they are here. */
export const trainAliases = {
  arch: { option: 'model', value: 'name' },
  learning_rate: { option: 'lr', value: 'n' },
  hidden_units: { option: 'hiddenUnits', value: 'n' },
  save_dir: { option: 'out', value: 'folder' },
  category_names: { option: 'names', value: 'file' },
} as const;
export const searchAliases = { top_k: { option: 'topk', value: 'n' } } as const;
export const predictAliases = {
  ...searchAliases,
  category_names: { option: 'names', value: 'file' },
} as const;
type Aliases = Readonly<Record<string, { readonly option: string; readonly value: string }>>;

/** The flags that an option may be typed by, given its name (`hiddenUnits`) or its own flag. */
export function flagsOf(name: string): string[] {
  const flag = name.startsWith('--') ? name : flagOf(name);
  const aliases = Object.entries({ ...trainAliases, ...predictAliases }).filter(([, { option }]) => flagOf(option) === flag);
  return [flag, ...aliases.map(([alias]) => `--${alias}`)];
}

/** Aliases as options, which `--help` leaves out. */
export const aliasOptions = (aliases: Aliases): Option[] =>
  Object.entries(aliases).map(([name, { option, value }]) => {
    const alias = new Option(`--${name} <${value}>`, `the same as ${flagOf(option)}`).hideHelp();
    return value === 'n' ? alias.argParser(asNumber) : alias;
  });

/**
 * The options under their own names.
 *
 * **Throws** `UsageError` if one is given under both.
 */
export function withAliases(options: Readonly<Record<string, unknown>>, aliases: Aliases): Record<string, unknown> {
  const named: Record<string, unknown> = { ...options };
  for (const [name, { option }] of Object.entries(aliases)) {
    if (options[name] === undefined) continue;
    if (options[option] !== undefined)
      throw new UsageError({ where: `--${name}`, expected: 'one of two names for an option', got: `${flagOf(option)} as well` });
    named[option] = options[name];
  }
  return named;
}

export const json = () => new Option('--json', 'print JSON instead of text');

/** The engine to compute with, for commands that are told nothing else of a recipe. */
export const engineOptions = (): Option[] => [
  new Option('--engine <name>', 'auto, onednn or reference'),
  new Option('--threads <n>', 'threads of the engine').argParser(asNumber),
];

/** `--engine` and `--threads`, checked as the recipe's fields of these names. */
export function engineOptionsIn({ engine, threads }: { engine?: unknown; threads?: unknown }): EngineOptions {
  const recipe = parseRecipe({ engine, threads }, flagOf);
  return { engine: recipe.engine, threads: recipe.threads };
}

/** An integer from `min` to `max`; undefined stays, for options that may be left out. */
export function integerIn(value: unknown, option: string, min: number, max?: number): number | undefined {
  checkOptions({ [option]: value }, { [option]: integer(min, max) });
  return value as number | undefined;
}

/** One of a few names; else the error has the nearest. */
export function choiceIn<T extends string>(name: string, option: string, choices: readonly T[]): T {
  const choice = choices.find((known) => known === name);
  if (choice) return choice;
  const expected = `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
  throw new UsageError({ where: option, expected, got: `'${name}'`, hint: didYouMean(name, choices) });
}

/** What they are there, where that is less than in `train`. */
export const linearWords: Partial<Record<RecipeField, string>> = {
  seed: 'seed of the first weights and the order of the images',
  name: 'name of the run folder (default: linear- and the data set’s, with the next free number)',
};

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
