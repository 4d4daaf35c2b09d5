import { UsageError } from './errors.ts';

/** What an option may hold, in words and as a check. */
export interface OptionRange {
  readonly allowed: string;
  accepts(value: unknown): boolean;
}

const number = (allowed: string, isIn: (value: number) => boolean): OptionRange => ({
  allowed,
  accepts: (value) => typeof value === 'number' && Number.isFinite(value) && isIn(value),
});

export const integer = (min: number, max?: number): OptionRange =>
  number(
    `an integer from ${min}${max === undefined ? '' : ` to ${max}`}`,
    (value) => Number.isInteger(value) && value >= min && value <= (max ?? Number.MAX_SAFE_INTEGER),
  );
export const above0 = number('a number above 0', (value) => value > 0);
export const from0 = number('a number from 0', (value) => value >= 0);
export const share = number('a number from 0 to below 1', (value) => value >= 0 && value < 1);
export const oneOf = (names: readonly string[]): OptionRange => ({
  allowed: `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`,
  accepts: (value) => names.includes(value as string),
});

/**
 * Checks options of a function against a table by their names; one that is left out has a default.
 *
 * **Throws** `UsageError` naming the first that is out of range.
 *
 * @example checkOptions({ workers: -1 }, { workers: integer(0, 64) }) // [workers] expected an integer from 0 to 64, got -1.
 */
export function checkOptions<Name extends string>(
  options: Readonly<Partial<Record<NoInfer<Name>, unknown>>>,
  ranges: Readonly<Record<Name, OptionRange>>,
): void {
  for (const name of Object.keys(ranges) as Name[]) {
    const value = options[name];
    if (value !== undefined && !ranges[name].accepts(value))
      throw new UsageError({
        where: name,
        expected: ranges[name].allowed,
        got: typeof value === 'string' ? `'${value}'` : String(value),
      });
  }
}
