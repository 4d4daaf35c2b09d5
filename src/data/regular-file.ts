import { type Stats, statSync } from 'node:fs';
import { DataError } from '../core/errors.ts';

const streams: readonly { is: (found: Stats) => boolean; name: string }[] = [
  { is: (found) => found.isFIFO(), name: 'a pipe' },
  { is: (found) => found.isSocket(), name: 'a socket' },
  { is: (found) => found.isCharacterDevice() || found.isBlockDevice(), name: 'a device' },
];

/**
 * Refuses what may have no end, or never begin: reading it would wait for ever.
 *
 * **Throws** `DataError`; what cannot be looked at is left for its reader to complain about.
 */
export function checkRegular(file: string, expected: string): void {
  let found: Stats | undefined;
  try {
    found = statSync(file, { throwIfNoEntry: false });
  } catch {
    return;
  }
  const stream = found && streams.find(({ is }) => is(found));
  if (stream)
    throw new DataError({ where: file, expected, got: `${stream.name} instead of a file`, hint: 'Save the picture to a file first' });
}
