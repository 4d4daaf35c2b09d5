/** What a function of the allow-list may ask of the reader. */
export interface PickleContext {
  /** Throws a `FormatError` that names the file and the byte. */
  fail(expected: string, got: string, hint?: string): never;
  /** Announces an allocation: small files that make many large values are refused. Sizes in bytes. */
  spend(bytes: number): void;
}

/** A function that a pickle may call. It sees plain values and must not do anything but make another one. */
export type PickleFunction = (args: readonly unknown[], context: PickleContext) => unknown;

/** A value that takes a state after it was made, as Python's `__setstate__`. */
export interface Buildable {
  setState(state: unknown, context: PickleContext): void;
}

/** The names a pickle may mention, `module.name`, and what each becomes: a `PickleFunction`, or a constant. */
export type PickleGlobals = ReadonlyMap<string, unknown>;

export interface PickleOptions {
  /** The allow-list. */
  globals: PickleGlobals;
  /** What messages call the file. Default: `pickle`. */
  file?: string;
  /** Where the pickle begins, in bytes. Default: 0. */
  start?: number;
  /** Resolves what the file stores outside the pickle. Default: such references are refused. */
  persistentLoad?: (id: unknown, context: PickleContext) => unknown;
  /** What the allow-list allows, for messages. */
  allows?: string;
  /** What to do about a refused name, for messages. */
  advice?: string;
  /** Bound of the instructions. Default: 2 000 000, some 40 000 tensors. */
  maxInstructions?: number;
}

export const bigintOrNumber = (value: bigint): number | bigint =>
  value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;

/** Text of a file as a message shows it: short, and without characters that act on a terminal. */
export const formatName = (text: string): string =>
  text.slice(0, 120).replace(/\p{C}/gu, (c) => `\\u${c.codePointAt(0)!.toString(16).padStart(4, '0')}`) + (text.length > 120 ? '…' : '');
