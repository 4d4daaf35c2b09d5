import { describe, type PickleMachine } from './pickle-machine.ts';
import { type Buildable, formatName } from './pickle-types.ts';

type Instruction = (m: PickleMachine) => void;

const latin1 = (bytes: Uint8Array): string => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');

/** Escapes in the quoted strings of protocol 0. */
const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', a: '\x07', b: '\b', f: '\f', v: '\v' };

function quoted(m: PickleMachine): string | Uint8Array {
  const text = /^(['"])(.*)\1\s*$/s.exec(latin1(m.line()))?.[2] ?? m.fail('a string in quotes', 'one without');
  const plain = text.replace(/\\(x[\da-fA-F]{2}|[0-7]{1,3}|.)/gs, (_, code: string) => {
    if (code.length === 3 && code[0] === 'x') return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    if (/^[0-7]/.test(code)) return String.fromCharCode(Number.parseInt(code, 8) & 255);
    return escapes[code] ?? code;
  });
  return m.textOrBytes(Uint8Array.from(plain, (c) => c.charCodeAt(0)));
}

const rawUnicode = (m: PickleMachine): string =>
  latin1(m.line()).replace(/\\u([\da-fA-F]{4})|\\U([\da-fA-F]{8})/g, (_, short?: string, long?: string) => {
    const code = Number.parseInt(short ?? long!, 16);
    return code > 0x10ffff ? m.fail('a character of Unicode', `number ${code}`) : String.fromCodePoint(code);
  });

/** Protocol 0 writes booleans as the integers 00 and 01. */
const booleans: Readonly<Record<string, boolean>> = { '00': false, '01': true };

const decimalFloats: Readonly<Record<string, number>> = { nan: Number.NaN, inf: Infinity, '-inf': -Infinity };
function decimalFloat(m: PickleMachine): number {
  const text = latin1(m.line()).trim();
  if (Object.hasOwn(decimalFloats, text)) return decimalFloats[text];
  return text === '' || Number.isNaN(Number(text)) ? m.fail('a number', `'${formatName(text)}'`) : Number(text);
}

function store(m: PickleMachine, target: unknown, pairs: readonly unknown[]): void {
  if (!(target instanceof Map)) return m.fail('a dict to store in', describe(target));
  if (pairs.length % 2) return m.fail('a value for every key', 'a key without');
  for (let i = 0; i < pairs.length; i += 2) target.set(pairs[i], pairs[i + 1]);
}

function append(m: PickleMachine, target: unknown, items: readonly unknown[]): void {
  if (!Array.isArray(target)) return m.fail('a list to append to', describe(target));
  for (const item of items) target.push(item);
}

function addAll(m: PickleMachine, target: unknown, items: readonly unknown[]): void {
  if (!(target instanceof Set)) return m.fail('a set to add to', describe(target));
  for (const item of items) target.add(item);
}

const isBuildable = (value: unknown): value is Buildable => typeof value === 'object' && value !== null && 'setState' in value;

/** Attributes of a dict (PyTorch keeps the layers' versions there) carry no numbers: they are dropped. */
function build(m: PickleMachine): void {
  const state = m.pop();
  const target = m.top();
  if (isBuildable(target)) target.setState(state, m);
  else if (!(target instanceof Map)) m.fail('an object that takes a state', describe(target));
}

const tuple =
  (length: number): Instruction =>
  (m) => {
    const items = Array.from({ length }, () => m.pop());
    m.push(items.reverse());
  };

function dictFromMark(m: PickleMachine): void {
  const pairs = m.popToMark();
  const dict = new Map();
  store(m, dict, pairs);
  m.push(dict);
}

function callWithMark(m: PickleMachine, callee: unknown, args: unknown[]): void {
  m.push(m.call(callee, args));
}

const name = (m: PickleMachine): string => m.text(m.line());

const globalOfTwoLines = (m: PickleMachine): unknown => {
  const module = name(m);
  return m.global(module, name(m));
};

const refused =
  (what: string): Instruction =>
  (m) =>
    m.fail('a pickle that stands alone', what);

/** Every instruction of protocols 0 to 5 by its byte. */
export const instructions: ReadonlyMap<number, Instruction> = new Map<number, Instruction>(
  (
    [
      // Numbers and constants.
      ['I', (m) => m.push(((text) => booleans[text] ?? m.decimal(text))(latin1(m.line()).trim()))],
      ['L', (m) => m.push(m.decimal(latin1(m.line()).trim().replace(/L$/, '')))],
      ['F', (m) => m.push(decimalFloat(m))],
      ['J', (m) => m.push(m.i32())],
      ['K', (m) => m.push(m.u8())],
      ['M', (m) => m.push(m.u16())],
      ['G', (m) => m.push(m.f64())],
      [0x8a, (m) => m.push(m.integer(m.take(m.u8())))],
      [0x8b, (m) => m.push(m.integer(m.take(m.i32())))],
      ['N', (m) => m.push(null)],
      [0x88, (m) => m.push(true)],
      [0x89, (m) => m.push(false)],
      // Text and bytes.
      ['S', (m) => m.push(quoted(m))],
      ['T', (m) => m.push(m.textOrBytes(m.take(m.i32())))],
      ['U', (m) => m.push(m.textOrBytes(m.take(m.u8())))],
      ['V', (m) => m.push(rawUnicode(m))],
      ['X', (m) => m.push(m.text(m.take(m.u32())))],
      [0x8c, (m) => m.push(m.text(m.take(m.u8())))],
      [0x8d, (m) => m.push(m.text(m.take(m.u64())))],
      ['B', (m) => m.push(m.take(m.u32()))],
      ['C', (m) => m.push(m.take(m.u8()))],
      [0x8e, (m) => m.push(m.take(m.u64()))],
      [0x96, (m) => m.push(m.take(m.u64()))],
      // Containers.
      [')', (m) => m.push([])],
      ['t', (m) => m.push(m.popToMark())],
      [0x85, tuple(1)],
      [0x86, tuple(2)],
      [0x87, tuple(3)],
      [']', (m) => m.push([])],
      ['l', (m) => m.push(m.popToMark())],
      ['a', (m) => ((item) => append(m, m.top(), [item]))(m.pop())],
      ['e', (m) => ((items) => append(m, m.top(), items))(m.popToMark())],
      ['}', (m) => m.push(new Map())],
      ['d', dictFromMark],
      ['s', (m) => ((value) => ((key) => store(m, m.top(), [key, value]))(m.pop()))(m.pop())],
      ['u', (m) => ((pairs) => store(m, m.top(), pairs))(m.popToMark())],
      [0x8f, (m) => m.push(new Set())],
      [0x90, (m) => ((items) => addAll(m, m.top(), items))(m.popToMark())],
      [0x91, (m) => m.push(new Set(m.popToMark()))],
      // The stack and the memo.
      ['(', (m) => m.mark()],
      ['0', (m) => m.pop()],
      ['1', (m) => m.popToMark()],
      ['2', (m) => m.push(m.top())],
      ['p', (m) => m.remember(m.decimal(name(m)))],
      ['q', (m) => m.remember(m.u8())],
      ['r', (m) => m.remember(m.u32())],
      [0x94, (m) => m.memoize()],
      ['g', (m) => m.recall(m.decimal(name(m)))],
      ['h', (m) => m.recall(m.u8())],
      ['j', (m) => m.recall(m.u32())],
      // Names of the allow-list and what is made with them.
      ['c', (m) => m.push(globalOfTwoLines(m))],
      [0x93, (m) => ((last) => m.push(m.global(m.pop(), last)))(m.pop())],
      ['R', (m) => ((args) => m.push(m.call(m.pop(), args)))(m.pop())],
      [0x81, (m) => ((args) => m.push(m.call(m.pop(), args)))(m.pop())],
      [0x92, newWithKeywords],
      ['i', (m) => ((callee) => callWithMark(m, callee, m.popToMark()))(globalOfTwoLines(m))],
      ['o', (m) => (([callee, ...args]) => callWithMark(m, callee, args))(m.popToMark())],
      ['b', build],
      ['P', (m) => m.push(m.persistent(name(m)))],
      ['Q', (m) => m.push(m.persistent(m.pop()))],
      // Framing.
      [0x80, protocol],
      [0x95, (m) => ((length) => m.at - Number(m.take(length).length))(m.u64())],
      ['.', (m) => void (m.stopped = true)],
      // What only works together with something outside the file.
      [0x82, refused('a name from the extension registry')],
      [0x83, refused('a name from the extension registry')],
      [0x84, refused('a name from the extension registry')],
      [0x97, refused('a buffer outside the pickle')],
      [0x98, refused('a buffer outside the pickle')],
    ] as [string | number, Instruction][]
  ).map(([code, run]) => [typeof code === 'string' ? code.charCodeAt(0) : code, run]),
);
