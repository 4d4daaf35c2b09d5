import { closest, distance } from 'fastest-levenshtein';

/** `Did you mean 'x'` if a name is near enough to be a slip of the same word; undefined if none is. */
export function didYouMean(given: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const name = closest(given.toLowerCase(), names as string[]);
  return distance(given.toLowerCase(), name) <= Math.max(2, Math.floor(name.length * 0.4)) ? `Did you mean '${name}'?` : undefined;
}
