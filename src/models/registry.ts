import { closest } from 'fastest-levenshtein';
import { UsageError } from '../core/errors.ts';
import type { Shape } from '../core/shape.ts';
import type { Module } from '../nn/module.ts';

export interface ModelOptions {
  /** Number of classes: length of the scores. */
  readonly classes: number;
  /** Channels of the pictures; default as the model's `inputShape` says. */
  readonly inChannels?: number;
}

/** A model that can be made by name. */
export interface ModelSpec {
  /** Lower-case, words joined by hyphens or as in torchvision. */
  readonly name: string;
  /** One sentence. */
  readonly doc: string;
  /** The picture it is made for, `[C, H, W]`. */
  readonly inputShape: Shape;
  readonly create: (options: Required<ModelOptions>) => Module;
}

const registry = new Map<string, ModelSpec>();

/**
 * Makes a model known by its name, to `createModel` and the command line.
 *
 * **Throws** `UsageError` if the name is taken.
 *
 * @example defineModel({ name: 'tiny', doc: 'One linear layer.', inputShape: [1, 28, 28], create: ({ classes }) => new Tiny(classes) });
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
    hint: `Did you mean '${closest(name, names)}'?`,
  });
}

/**
 * A fresh model by name; its numbers come from `initialState` or a checkpoint.
 *
 * - `classes` 1 or more
 * - `inChannels` 1 or more; default as the model's `inputShape` says
 *
 * **Throws** `UsageError` for an unknown name, with the nearest known one, or counts that are not integers above 0.
 *
 * @example const model = createModel('course-cnn', { classes: 10 });
 */
export function createModel(name: string, { classes, inChannels }: ModelOptions): Module {
  const spec = findModel(name);
  const counts = { classes, inChannels: inChannels ?? spec.inputShape[0] };
  for (const [option, count] of Object.entries(counts))
    if (!Number.isInteger(count) || count < 1)
      throw new UsageError({ where: name, expected: `${option} as an integer above 0`, got: `${count}` });
  return spec.create(counts);
}
