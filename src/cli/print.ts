import { printable } from '../core/errors.ts';

/** Prints lines that may hold names of files. */
export function printLines(lines: Iterable<string>): void {
  for (const line of lines) console.log(printable(line));
}

/** Says what is worth knowing beside the results, where it disturbs no program that reads those. */
export function printNotes(notes: Iterable<string>): void {
  for (const note of notes) console.error(printable(note));
}
