/** What went wrong, in the four parts every message of Fovea has. */
export interface Complaint {
  /** The place: a file, an option, an op with its module path. */
  where?: string;
  expected: string;
  got: string;
  /** What the reader can do about it. */
  hint?: string;
}

/** Text that no name of a file and no bytes of one can make a terminal obey: control characters are written as `\u001b`. */
export const printable = (text: string): string =>
  text.replace(/[^\P{Cc}\t]/gu, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** The one formatter: `[where] expected E, got G. Hint.`, in one line. */
export function formatComplaint({ where, expected, got, hint }: Complaint): string {
  const place = where ? `[${where}] ` : '';
  const advice = hint ? ` ${/[.?!]$/.test(hint) ? hint : `${hint}.`}` : '';
  return printable(`${place}expected ${expected}, got ${got}.${advice}`);
}

/**
 * Base of every error that Fovea throws on purpose: its message is meant for the user, so the command line prints it without a stack.
 * `exitCode` is the status a command ends with.
 */
export class FoveaError extends Error {
  readonly complaint: Complaint;
  readonly exitCode: number = 1;

  constructor(complaint: Complaint, options?: ErrorOptions) {
    super(formatComplaint(complaint), options);
    this.name = new.target.name;
    this.complaint = complaint;
  }
}

/** Shapes, attributes or dtypes of an op do not fit. */
export class ShapeError extends FoveaError {}
/** A data set or picture cannot be read. */
export class DataError extends FoveaError {}
/** A file format is broken, cut short or not what its name says. */
export class FormatError extends FoveaError {}
/** A checkpoint or a run folder cannot be loaded or saved. */
export class CheckpointError extends FoveaError {}
/** A loss or weight is not finite. */
export class NumericError extends FoveaError {}
/** An engine is missing, broken or misused. */
export class EngineError extends FoveaError {}
/** Wrong usage of a command or an option: exit status 2. */
export class UsageError extends FoveaError {
  override readonly exitCode = 2;
}

/** The reader's half of an `unknown` caught in a `catch` clause. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
