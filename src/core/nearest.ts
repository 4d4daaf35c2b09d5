import { closest, distance } from 'fastest-levenshtein';

/** Share of a name that may be mistyped and still be meant. */
const slipShare = 0.45;

/** `Did you mean 'x'?` if a name is near enough to be a slip of the same word, whatever the case; undefined if none is. */
export function didYouMean(given: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const byLower = new Map(names.map((name) => [name.toLowerCase(), name]));
  const near = closest(given.toLowerCase(), [...byLower.keys()]);
  const isSlip = distance(given.toLowerCase(), near) <= Math.max(2, Math.round(near.length * slipShare));
  return isSlip ? `Did you mean '${byLower.get(near)}'?` : undefined;
}
