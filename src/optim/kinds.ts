import { UsageError } from '../core/errors.ts';
import { didYouMean } from '../core/nearest.ts';
import { show } from '../core/show.ts';

/** The complaint about a `kind` that is none of those known: from JavaScript or a file anything may come. */
export const unknownKind = (where: string, kind: unknown, known: readonly string[]): UsageError =>
  new UsageError({
    where,
    expected: `a kind among ${known.join(', ')}`,
    got: show(kind),
    hint: typeof kind === 'string' ? didYouMean(kind, known) : undefined,
  });
