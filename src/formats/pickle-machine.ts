import { refuse } from './bytes.ts';
import { bigintOrNumber, formatName, type PickleContext, type PickleFunction, type PickleOptions } from './pickle-types.ts';

/** Python allows longer integers; no file of weights or pictures has one, and reading one takes more than linear time. */
const maxIntegerBytes = 256;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const isAscii = (bytes: Uint8Array): boolean => bytes.every((byte) => byte < 128);

/** What stands on the stack, in the words of a message. */
export function describe(value: unknown): string {
  if (value === null) return 'None';
  if (value instanceof Map) return 'a dict';
  if (value instanceof Set) return 'a set';
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'string') return `'${formatName(value)}'`;
  if (typeof value === 'object') return 'an object';
  return typeof value === 'function' ? 'a function' : String(value).slice(0, 40);
}

/**
 * The stack machine a pickle is a program for, without the power to run anything: only functions of the caller's allow-list are ever called.
 *
 * Each instruction takes at least one byte and adds at most one item, and a counter bounds the instructions, so that time and memory are
 * bounded by the file's size whatever it holds.
 */
export class PickleMachine implements PickleContext {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #options: PickleOptions;
  readonly #file: string;
  #allowance: number;
  /** Stack heights at which a mark stands. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, unknown>();
  readonly #stack: unknown[] = [];
  /** Where the next byte is read. */
  at: number;
  /** Where the instruction being executed begins: messages name it. */
  instructionAt: number;
  stopped = false;

  constructor(bytes: Uint8Array, options: PickleOptions) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#options = options;
    this.#file = options.file ?? 'pickle';
    this.#allowance = 8 * bytes.length + 65_536;
    this.at = options.start ?? 0;
    this.instructionAt = this.at;
  }

  fail(expected: string, got: string, hint?: string): never {
    return refuse(`${this.#file}, byte ${this.instructionAt}`, expected, got, hint);
  }

  spend(bytes: number): void {
    this.#allowance -= bytes;
    if (this.#allowance < 0) this.fail('values of a size in proportion to the file', 'far more', 'The file is made to exhaust memory.');
  }

  checkLeft(count: number | bigint): void {
    const left = this.#bytes.length - this.at;
    if (count < 0 || count > left) this.fail(`${count} bytes`, `${left} to the end of the file`, 'The file is cut short or damaged.');
  }

  /** The next `count` bytes, as a view. */
  take(count: number | bigint): Uint8Array {
    this.checkLeft(count);
    this.at += Number(count);
    return this.#bytes.subarray(this.at - Number(count), this.at);
  }

  #number<T>(size: number, read: (at: number) => T): T {
    this.take(size);
    return read(this.at - size);
  }
  u8(): number {
    if (this.at >= this.#bytes.length) this.checkLeft(1);
    return this.#bytes[this.at++];
  }
  u16 = (): number => this.#number(2, (at) => this.#view.getUint16(at, true));
  i32 = (): number => this.#number(4, (at) => this.#view.getInt32(at, true));
  u32 = (): number => this.#number(4, (at) => this.#view.getUint32(at, true));
  u64 = (): bigint => this.#number(8, (at) => this.#view.getBigUint64(at, true));
  f64 = (): number => this.#number(8, (at) => this.#view.getFloat64(at, false));

  /** The bytes up to the end of the line, which is skipped. */
  line(): Uint8Array {
    const end = this.#bytes.indexOf(10, this.at);
    if (end < 0) this.fail('the end of a line', 'the end of the file', 'The file is cut short or damaged.');
    const line = this.take(end - this.at);
    this.at++;
    return line;
  }

  text(bytes: Uint8Array): string {
    try {
      return utf8.decode(bytes);
    } catch {
      return this.fail('text in UTF-8', `${bytes.length} bytes of something else`);
    }
  }

  /** Python 2's one kind of string: text if it is ASCII, else bytes. */
  textOrBytes = (bytes: Uint8Array): string | Uint8Array => (isAscii(bytes) ? utf8.decode(bytes) : bytes);

  /** A two's complement, little-endian integer of any length. */
  integer(bytes: Uint8Array): number | bigint {
    if (bytes.length > maxIntegerBytes) this.fail(`an integer of at most ${maxIntegerBytes} bytes`, `${bytes.length}`);
    const value = bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    return bigintOrNumber(BigInt.asIntN(8 * bytes.length, value));
  }

  decimal(text: string): number | bigint {
    if (!/^[+-]?\d{1,600}$/.test(text)) this.fail('an integer', `'${formatName(text)}'`);
    return bigintOrNumber(BigInt(text.replace('+', '')));
  }

  stop(): void {
    this.stopped = true;
  }

  push(value: unknown): void {
    this.#stack.push(value);
  }

  pop(): unknown {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) this.fail('an item on the stack', 'none', 'The file is damaged.');
    return this.#stack.pop();
  }

  top(): unknown {
    const value = this.pop();
    this.#stack.push(value);
    return value;
  }

  mark(): void {
    this.#marks.push(this.#stack.length);
  }

  /** Removes the last mark and what stands above it. */
  popToMark(): unknown[] {
    const height = this.#marks.pop();
    return height === undefined ? this.fail('a mark on the stack', 'none', 'The file is damaged.') : this.#stack.splice(height);
  }

  remember(index: number | bigint): void {
    this.#memo.set(Number(index), this.top());
  }

  /** Remembers the top of the stack under the next free number. */
  memoize = (): void => this.remember(this.#memo.size);

  recall(index: number | bigint): unknown {
    if (!this.#memo.has(Number(index))) this.fail('a value that was remembered', `number ${index}, which was not`, 'The file is damaged.');
    return this.#memo.get(Number(index));
  }

  /** The allow-list's entry for a name. */
  global(module: unknown, name: unknown): unknown {
    const full = `${module}.${name}`;
    if (typeof module !== 'string' || typeof name !== 'string' || !this.#options.globals.has(full))
      this.fail(
        this.#options.allows ?? 'plain values only',
        `${formatName(full)}, which is refused`,
        this.#options.advice ?? 'Nothing in the file was executed.',
      );
    return this.#options.globals.get(full);
  }

  call(callee: unknown, args: unknown): unknown {
    if (typeof callee !== 'function') return this.fail('a function to call', describe(callee));
    if (!Array.isArray(args)) return this.fail('a tuple of arguments', describe(args));
    return (callee as PickleFunction)(args, this);
  }

  persistent(id: unknown): unknown {
    if (!this.#options.persistentLoad) return this.fail('no references to other data', describe(id));
    return this.#options.persistentLoad(id, this);
  }
}
