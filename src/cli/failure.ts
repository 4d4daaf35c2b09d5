import { CommanderError } from 'commander';
import { FoveaError, messageOf } from '../core/errors.ts';

const isDebugging = () => Boolean(process.env.FOVEA_DEBUG);

/**
 * Prints an error as one message and returns the status to exit with: 2 for wrong usage, 1 for everything else.
 * `FOVEA_DEBUG=1` adds the stack; an error that nobody foresaw says so.
 */
export function reportFailure(error: unknown): number {
  // Commander has printed its own message.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const foreseen = error instanceof FoveaError;
  const advice = foreseen || isDebugging() ? '' : ' This should not happen: FOVEA_DEBUG=1 shows where it did.';
  console.error(`error: ${messageOf(error)}${advice}`);
  if (isDebugging() && error instanceof Error) console.error(error.stack);
  return foreseen ? error.exitCode : 1;
}
