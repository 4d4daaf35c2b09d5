import { CommanderError } from 'commander';
import { type Complaint, FoveaError, formatComplaint, messageOf } from '../core/errors.ts';
import { flagsOf } from './options.ts';

const isDebugging = () => Boolean(process.env.FOVEA_DEBUG);

/** A complaint about an option, which the library calls by its own name, with the flag as it was typed. */
function asTyped(complaint: Complaint, args: readonly string[]): Complaint {
  const isTyped = (flag: string) => args.some((arg) => arg === flag || arg.startsWith(`${flag}=`));
  const { where } = complaint;
  return where === undefined ? complaint : { ...complaint, where: flagsOf(where).find(isTyped) ?? where };
}

/** An error in words. Without a working folder no path means anything, whoever asks for it first. */
function wordsOf(error: unknown, args: readonly string[]): string {
  if ([error, (error as Error)?.cause].some((one) => (one as NodeJS.ErrnoException)?.syscall === 'uv_cwd'))
    return formatComplaint({
      where: 'working folder',
      expected: 'a folder',
      got: 'one that was deleted',
      hint: 'Go to another one with cd',
    });
  if (error instanceof FoveaError) return formatComplaint(asTyped(error.complaint, args));
  const message = messageOf(error);
  const stop = /[.?!]$/.test(message) ? '' : '.';
  return `${message}${stop}${isDebugging() ? '' : ' This should not happen: FOVEA_DEBUG=1 shows where it did.'}`;
}

/**
 * Prints an error as one message and returns the status to exit with: 2 for wrong usage, 1 for everything else. Options are called
 * as the command line, `args`, has them.
 * `FOVEA_DEBUG=1` adds the stack; an error that nobody foresaw says so.
 */
export function reportFailure(error: unknown, args: readonly string[] = []): number {
  // Commander has printed its own message.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  console.error(`error: ${wordsOf(error, args)}`);
  if (isDebugging() && error instanceof Error) console.error(error.stack);
  return error instanceof FoveaError ? error.exitCode : 1;
}
