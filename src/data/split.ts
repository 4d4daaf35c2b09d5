import { UsageError } from '../core/errors.ts';
import { hashKeys } from '../core/rng.ts';

/**
 * Which files of one class go to the validation part.
 *
 *     hash(name) / 2³² < valSplit
 *
 * Each name decides for itself, so adding or removing a file moves no other, and the same name always falls on the same side. The share is
 * therefore met on average, not exactly. A class of two or more files has at least one in each part: where the rule would leave a part empty,
 * the file nearest to the limit changes sides.
 *
 * - `names` paths below the data set's folder, with `/`; `valSplit` share of the validation part, between 0 and 1, both excluded
 *
 * Numerics: names count in Unicode's composed form, so a copy on another file system is divided alike.
 *
 * **Throws** `UsageError` if the share is out of range.
 *
 * @example isInValidation(['ants/1.jpg', 'ants/2.jpg'], 0.2) // [false, true]
 */
export function isInValidation(names: readonly string[], valSplit: number): boolean[] {
  if (!(valSplit > 0 && valSplit < 1))
    throw new UsageError({ where: 'valSplit', expected: 'a share between 0 and 1', got: `${valSplit}`, hint: 'Try 0.2' });
  const places = names.map((name) => hashKeys('validation', name.normalize('NFC')) / 2 ** 32);
  const chosen = places.map((place) => place < valSplit);
  if (names.length < 2) return chosen.fill(false);
  const extreme = (pick: (...values: number[]) => number) => places.indexOf(pick(...places));
  if (!chosen.includes(true)) chosen[extreme(Math.min)] = true;
  if (!chosen.includes(false)) chosen[extreme(Math.max)] = false;
  return chosen;
}
