import type { z } from 'zod';
import { UsageError } from '../../core/errors.ts';
import { didYouMean } from '../../core/nearest.ts';
import type { Shape } from '../../core/shape.ts';
import { show } from '../../core/show.ts';
import { catalogue, type KnownSize, recordOf, type TransformList, type TransformName, type TransformSpec } from './catalogue.ts';

const names = Object.keys(catalogue) as TransformName[];

function placeOf(where: string, index: number, name?: unknown): string {
  return `${where}[${index}]${typeof name === 'string' ? ` ${name}` : ''}`;
}

/** The first thing a schema found wrong, as a complaint. */
function complaintOf(place: string, error: z.ZodError, given: Record<string, unknown>, known: readonly string[]): UsageError {
  const [issue] = error.issues;
  if (issue.code === 'unrecognized_keys') {
    const [key] = issue.keys;
    const hint = didYouMean(key, known);
    return new UsageError({ where: place, expected: known.length ? `${known.join(', ')}` : 'no options', got: `'${key}'`, hint });
  }
  const at = issue.path.join('.');
  const value = issue.path.reduce<unknown>((part, key) => (part as Record<PropertyKey, unknown> | undefined)?.[key], given);
  const expected = issue.message.replace(/^(.*?: )?expected (one of )?/, '').replace(/, received .*$/, '');
  return new UsageError({ where: `${place}${at ? `.${at}` : ''}`, expected, got: show(value) });
}

function parseOne(place: string, name: TransformName, given: Record<string, unknown>): TransformSpec {
  const { schema } = recordOf(name);
  const result = schema.safeParse(given);
  if (result.success) return { name, ...(result.data as object) } as TransformSpec;
  throw complaintOf(place, result.error, given, Object.keys((schema as z.ZodObject).shape));
}

/**
 * Checks a list of transforms from a file or a caller and fills in every default.
 *
 * Each is `{ name, …arguments }` under torchvision's names; `{ name: 'Compose', transforms }` is unrolled. A list first works on the picture, then has one `ToTensor`,
 * then `Normalize` and `RandomErasing`.
 *
 * - `where`: what messages call the list.
 *
 * **Throws** `UsageError`: unknown name or argument (with the nearest), value out of range, wrong order, channels that do not fit.
 *
 * @example parseTransforms([{ name: 'Resize', size: 256 }, { name: 'CenterCrop', size: 224 }, { name: 'ToTensor' }]);
 */
export function parseTransforms(list: unknown, where = 'transforms'): TransformList {
  if (!Array.isArray(list)) throw new UsageError({ where, expected: 'a list of transforms', got: show(list) });
  const parsed = list.flatMap((entry, index): TransformSpec[] => {
    if (typeof entry !== 'object' || entry === null || typeof entry.name !== 'string')
      throw new UsageError({ where: placeOf(where, index), expected: "an object with a 'name'", got: show(entry) });
    const { name, ...given } = entry as Record<string, unknown> & { name: string };
    if (name === 'Compose') return [...unrolled(given.transforms, placeOf(where, index, name))];
    if (!Object.hasOwn(catalogue, name)) {
      const hint = [didYouMean(name, names), `Known are ${names.join(', ')}`].filter(Boolean).join(' ');
      throw new UsageError({ where: placeOf(where, index), expected: 'a known transform', got: `'${name}'`, hint });
    }
    return [parseOne(placeOf(where, index, name), name as TransformName, given)];
  });
  return parsed;
}

const unrolled = (list: unknown, where: string): TransformList => parseTransforms(list, where);

/**
 * The shape of what a list makes, `[C, H, W]`; H and W are undefined where they depend on the picture.
 *
 * **Throws** `UsageError` if the order or the number of channels does not fit.
 */
export function checkOrder(list: TransformList, where = 'transforms'): { channels: 1 | 3; size: KnownSize } {
  let channels: 1 | 3 = 3;
  let size: KnownSize = {};
  let isTensor = false;
  for (const [index, spec] of list.entries()) {
    const { kind, result } = recordOf(spec.name);
    const refuse = (expected: string, got: string, hint?: string): never => {
      throw new UsageError({ where: placeOf(where, index, spec.name), expected, got, hint });
    };
    if (spec.name === 'ToTensor') {
      if (isTensor) refuse('one ToTensor', 'a second one');
      isTensor = true;
    } else if (isTensor !== (kind === 'tensor'))
      refuse(
        isTensor ? 'only Normalize and RandomErasing after ToTensor' : 'ToTensor before it',
        spec.name,
        'Change the order of the list',
      );
    if (spec.name === 'Grayscale') channels = spec.numOutputChannels ?? 1;
    if (spec.name === 'Normalize' && (spec.mean.length !== channels || spec.std.length !== channels))
      refuse(`${channels} mean and std`, `${spec.mean.length} and ${spec.std.length}`);
    if (spec.name === 'RandomErasing' && Array.isArray(spec.value) && ![1, channels].includes(spec.value.length))
      refuse(`1 or ${channels} values`, `${spec.value.length}`);
    if (result) size = result(spec, size);
  }
  if (!isTensor)
    throw new UsageError({
      where,
      expected: 'a ToTensor at the end of the pictures',
      got: list.map(({ name }) => name).join(', ') || 'an empty list',
    });
  return { channels, size };
}

/** Whether a list draws no random numbers, so that a sample is the same in every epoch. */
export const isDeterministic = (list: TransformList): boolean => list.every(({ name }) => !recordOf(name).random);

/** `[C, H, W]` of the samples, or undefined if their size depends on the picture. */
export function sampleShapeOf(list: TransformList, where?: string): Shape | undefined {
  const { channels, size } = checkOrder(list, where);
  return size.width !== undefined && size.height !== undefined ? [channels, size.height, size.width] : undefined;
}
