import { UsageError } from '../core/errors.ts';
import { didYouMean } from '../core/nearest.ts';
import type { Shape } from '../core/shape.ts';
import { checkCounts } from '../nn/counts.ts';
import type { Module } from '../nn/module.ts';
import type { WeightsEntry } from './weights.ts';

export interface ModelOptions {
  /** Number of classes: length of the scores. */
  readonly classes: number;
  /** Channels of the pictures; default as the model's `inputShape` says. */
  readonly inChannels?: number;
  /** Share of elements that dropout zeroes in training, 0 … 1; default the family's own. */
  readonly dropout?: number;
  /** Inception: changes pictures normalised by ImageNet's mean and deviation to mean and deviation 0.5; default false. */
  readonly transformInput?: boolean;
}

/** What a model's `create` receives: checked, with the number of channels filled in. */
export type CreateOptions = ModelOptions & { readonly inChannels: number };

/** Options that only some families have. */
export type FamilyOption = 'dropout' | 'transformInput';

/** A part of a network between two cuts: what `freeze` counts and names. */
export interface Stage {
  readonly name: string;
  /** State-dict prefixes of its layers. */
  readonly parts: readonly string[];
}

/** A stage of the given layers; one that is a single layer or block bears its name. */
export const stage = (name: string, ...parts: string[]): Stage => ({ name, parts: parts.length ? parts : [name] });

/** Whether a state-dict key lies below one of the prefixes. */
export const isBelow = (key: string, prefixes: readonly string[]): boolean =>
  prefixes.some((prefix) => key === prefix || key.startsWith(`${prefix}.`));

/** A model that can be made by name. */
export interface ModelSpec {
  /** Lower-case, words joined by hyphens or as in torchvision. */
  readonly name: string;
  /** One sentence. */
  readonly doc: string;
  /** The picture it is made for, `[C, H, W]`. */
  readonly inputShape: Shape;
  /** State-dict prefixes of the layers whose size depends on the number of classes: a new task replaces them. */
  readonly head: readonly string[];
  /** All layers from the picture to the scores; every parameter is in one stage. */
  readonly stages: readonly Stage[];
  readonly accepts?: readonly FamilyOption[];
  /** Trained weights that can be had. */
  readonly weights?: readonly WeightsEntry[];
  /** Patterns by which keys of old files get today's names. */
  readonly renames?: readonly (readonly [pattern: RegExp, replacement: string])[];
  readonly create: (options: CreateOptions) => Module;
}

const registry = new Map<string, ModelSpec>();

/** How a model was made: what a checkpoint needs to make it again. */
export interface ModelSource {
  readonly name: string;
  readonly options: Pick<ModelOptions, 'transformInput'>;
}
const sources = new WeakMap<Module, ModelSource>();

/** How `createModel` made a network; undefined for others. */
export const modelSource = (module: Module): ModelSource | undefined => sources.get(module);

/**
 * Makes a model known by its name, to `createModel` and the command line.
 *
 * **Throws** `UsageError` if the name is taken.
 *
 * @example
 * defineModel({
 *   name: 'tiny',
 *   doc: 'One convolution and one linear layer.',
 *   inputShape: [1, 28, 28],
 *   head: ['out'],
 *   stages: [stage('conv'), stage('out')],
 *   create: ({ classes }) => new Tiny(classes),
 * });
 */
export function defineModel(spec: ModelSpec): void {
  if (registry.has(spec.name)) throw new UsageError({ where: 'defineModel', expected: 'a new name', got: `'${spec.name}' a second time` });
  registry.set(spec.name, spec);
}

/** Every model, sorted by name. */
export const listModels = (): ModelSpec[] => [...registry.values()].sort((a, b) => (a.name < b.name ? -1 : 1));

/** The model of a name. **Throws** `UsageError` with the nearest name if there is none. */
export function findModel(name: string): ModelSpec {
  const spec = registry.get(name);
  if (spec) return spec;
  const names = listModels().map((s) => s.name);
  throw new UsageError({
    where: 'model',
    expected: `one of ${names.join(', ')}`,
    got: `'${name}'`,
    hint: didYouMean(name, names),
  });
}

/**
 * A fresh model by name; its numbers come from `initialState` or a checkpoint.
 *
 * - `classes` 1 or more
 * - `inChannels` 1 or more; default as the model's `inputShape` says
 * - `dropout` 0 … 1; default the family's own
 * - `transformInput` Inception only; default false
 *
 * **Throws** `UsageError` for an unknown name, with the nearest known one, counts that are not integers above 0, or an option the model
 * does not have.
 *
 * @example const model = createModel('resnet18', { classes: 102 });
 */
export function createModel(name: string, { classes, inChannels, ...family }: ModelOptions): Module {
  const spec = findModel(name);
  const counts = { classes, inChannels: inChannels ?? spec.inputShape[0] };
  checkCounts(name, counts);
  for (const option of Object.keys(family) as FamilyOption[])
    if (family[option] !== undefined && !spec.accepts?.includes(option))
      throw new UsageError({ where: name, expected: `options this model has (${spec.accepts?.join(', ') || 'none'})`, got: `'${option}'` });
  const { dropout } = family;
  if (dropout !== undefined && !(dropout >= 0 && dropout <= 1))
    throw new UsageError({ where: name, expected: 'dropout as a share from 0 to 1', got: `${dropout}` });
  const module = spec.create({ ...counts, ...family });
  sources.set(module, { name, options: { transformInput: family.transformInput } });
  return module;
}
