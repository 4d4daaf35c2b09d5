import { CheckpointError } from '../core/errors.ts';
import type { NdArray, StateDict } from '../core/ndarray.ts';
import { formatShape, type Shape, sameShape } from '../core/shape.ts';
import { OPTIMIZER_PREFIX } from '../optim/attach.ts';
import { isBelow, type ModelSpec } from './registry.ts';

/** How weights differ from what a model has. */
export interface Misfit {
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  /** `key [their shape], not [the model's]`. */
  readonly misshapen: readonly string[];
}

/** At most so many keys of a kind are named. */
const shown = 5;
/** PyTorch counts batches here; nothing reads the number at a fixed momentum. */
const counter = '.num_batches_tracked';
/** A network wrapped for several devices puts this before every key. */
const wrapper = /^module\./;

export const isMisfit = ({ missing, unexpected, misshapen }: Misfit): boolean => missing.length + unexpected.length + misshapen.length > 0;

/** Weights under today's names: batch counters and what a checkpoint keeps for the optimizer dropped, wrappers' prefixes and old names changed. */
export function currentNames(weights: StateDict, renames: ModelSpec['renames'] = []): StateDict {
  const all = [...weights].filter(([key]) => !key.endsWith(counter) && !key.startsWith(OPTIMIZER_PREFIX));
  const changes = all.every(([key]) => wrapper.test(key)) ? [[wrapper, ''] as const, ...renames] : renames;
  return new Map(all.map(([key, array]) => [changes.reduce((name, [pattern, by]) => name.replace(pattern, by), key), array]));
}

/**
 * Compares weights with what a model has.
 *
 * - `freshHead`: prefixes of layers that will be replaced: their keys may be missing, and may have another number of classes (first axis)
 */
export function misfitOf(weights: StateDict, shapes: ReadonlyMap<string, { shape: Shape }>, freshHead: readonly string[]): Misfit {
  const isFresh = (key: string): boolean => isBelow(key, freshHead);
  const fits = (key: string, theirs: Shape, ours: Shape): boolean =>
    isFresh(key) ? sameShape(theirs.slice(1), ours.slice(1)) && theirs.length === ours.length : sameShape(theirs, ours);
  return {
    missing: [...shapes.keys()].filter((key) => !weights.has(key) && !isFresh(key)),
    unexpected: [...weights.keys()].filter((key) => !shapes.has(key)),
    misshapen: [...shapes].flatMap(([key, { shape }]) => {
      const theirs = weights.get(key);
      if (!theirs || (fits(key, theirs.shape, shape) && isReal(theirs))) return [];
      const dtype = isReal(theirs) ? '' : `${theirs.dtype} `;
      return [`${key} ${dtype}${formatShape(theirs.shape)}, not ${formatShape(shape)}`];
    }),
  };
}

const isReal = ({ dtype }: NdArray): boolean => dtype === 'f32' || dtype === 'f64';

/** The array as single precision; itself if it is. */
export const asF32 = ({ dtype, shape, data }: NdArray): NdArray =>
  ({ dtype: 'f32', shape, data: dtype === 'f32' ? data : Float32Array.from(data as Float64Array) }) as NdArray<'f32'>;

/** The report of a misfit: **throws** `CheckpointError` with counts and the first keys of each kind. */
export function refuseWeights(where: string, model: string, misfit: Misfit, hint?: string): never {
  const kinds = { missing: misfit.missing, unexpected: misfit.unexpected, 'wrongly shaped': misfit.misshapen };
  const parts = Object.entries(kinds).flatMap(([kind, keys]) => {
    if (!keys.length) return [];
    const more = keys.length > shown ? `, and ${keys.length - shown} more` : '';
    return [`${keys.length} ${kind} (${keys.slice(0, shown).join('; ')}${more})`];
  });
  throw new CheckpointError({ where, expected: `the weights of ${model}`, got: `keys that do not fit: ${parts.join(', ')}`, hint });
}
