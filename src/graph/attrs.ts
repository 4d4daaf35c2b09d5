import { ShapeError } from '../core/errors.ts';
import { show } from '../core/show.ts';

/** What an attribute may hold: plain data, so that graphs can be cloned, stored and printed. */
export type AttrValue = number | string | boolean | null | readonly number[];
export type Attrs = Readonly<Record<string, AttrValue>>;

/** One attribute of an op: its range in words, its check, its default (absent = must be given), its unit and meaning. */
export interface AttrSpec<T extends AttrValue = AttrValue> {
  readonly allowed: string;
  readonly accepts: (value: unknown) => boolean;
  readonly default?: T;
  readonly unit?: string;
  readonly doc: string;
}

export type AttrSpecs = Readonly<Record<string, AttrSpec<AttrValue>>>;
/** The attributes a table of specs describes. */
export type AttrsOf<S extends AttrSpecs> = { readonly [K in keyof S]: S[K] extends AttrSpec<infer T> ? T : never };

/** What an attribute means, and what it is if it is left out. */
export interface AttrMeaning<T> {
  doc: string;
  unit?: string;
  default?: T;
}
/** Ends that are allowed themselves. */
export interface AttrRange {
  min?: number;
  max?: number;
}

const inRange = (value: unknown, { min = -Infinity, max = Infinity }: AttrRange): boolean =>
  typeof value === 'number' && value >= min && value <= max;
const inWords = ({ min, max }: AttrRange): string =>
  min === undefined ? (max === undefined ? '' : ` up to ${max}`) : max === undefined ? ` from ${min}` : ` from ${min} to ${max}`;

/** Makers of attribute specs. */
export const attr = {
  int: ({ doc, unit, default: preset, ...range }: AttrMeaning<number> & AttrRange): AttrSpec<number> => ({
    allowed: `an integer${inWords(range)}`,
    accepts: (v) => Number.isInteger(v) && inRange(v, range),
    default: preset,
    unit,
    doc,
  }),
  number: ({ doc, unit, default: preset, ...range }: AttrMeaning<number> & AttrRange): AttrSpec<number> => ({
    allowed: `a number${inWords(range)}`,
    accepts: (v) => inRange(v, range),
    default: preset,
    unit,
    doc,
  }),
  flag: ({ doc, default: preset }: AttrMeaning<boolean>): AttrSpec<boolean> => ({
    allowed: 'true or false',
    accepts: (v) => typeof v === 'boolean',
    default: preset,
    doc,
  }),
  /** A fixed or free number of integers, such as a stride per axis. */
  ints: ({
    doc,
    unit,
    default: preset,
    length,
    ...range
  }: AttrMeaning<readonly number[]> & AttrRange & { length?: number }): AttrSpec<readonly number[]> => ({
    allowed: `${length ?? 'a list of'} integers${inWords(range)}`,
    accepts: (v) =>
      Array.isArray(v) && (length === undefined || v.length === length) && v.every((n) => Number.isInteger(n) && inRange(n, range)),
    default: preset,
    unit,
    doc,
  }),
  /** A list of numbers, or `null` for none. */
  numbersOrNull: ({
    doc,
    unit,
    default: preset,
    ...range
  }: AttrMeaning<readonly number[] | null> & AttrRange): AttrSpec<readonly number[] | null> => ({
    allowed: `a list of numbers${inWords(range)}, or null`,
    accepts: (v) => v === null || (Array.isArray(v) && v.every((n) => inRange(n, range))),
    default: preset,
    unit,
    doc,
  }),
  oneOf: <const T extends string>(names: readonly T[], { doc, default: preset }: AttrMeaning<T>): AttrSpec<T> => ({
    allowed: names.map((n) => `'${n}'`).join(', '),
    accepts: (v) => names.includes(v as T),
    default: preset,
    doc,
  }),
};

/** Fills in defaults and refuses unknown names and values out of range. */
export function completeAttrs<S extends AttrSpecs>(specs: S, given: Readonly<Record<string, unknown>>, where: string): AttrsOf<S> {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(specs, name));
  if (unknown !== undefined)
    throw new ShapeError({ where, expected: `attributes among ${Object.keys(specs).join(', ') || 'none'}`, got: unknown });
  const complete: Record<string, AttrValue> = {};
  for (const [name, spec] of Object.entries(specs)) {
    const value = given[name] ?? spec.default;
    if (value === undefined || !spec.accepts(value))
      throw new ShapeError({ where, expected: `${name} = ${spec.allowed}`, got: show(value) });
    complete[name] = value as AttrValue;
  }
  return complete as AttrsOf<S>;
}
