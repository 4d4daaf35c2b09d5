import { UsageError } from '../core/errors.ts';
import { show } from '../core/show.ts';

/** What may count channels, features or pixels. */
export const isCount = (value: number): boolean => Number.isInteger(value) && value > 0;

/**
 * Refuses options that count something and are not integers above 0, alone or in lists.
 *
 * **Throws** `UsageError` naming the option.
 */
export function checkCounts(where: string, counts: Readonly<Record<string, number | readonly number[]>>): void {
  for (const [option, given] of Object.entries(counts)) {
    const isList = Array.isArray(given);
    if ((isList ? given : [given]).every(isCount)) continue;
    throw new UsageError({ where, expected: `${option} as ${isList ? 'integers' : 'an integer'} above 0`, got: show(given) });
  }
}
