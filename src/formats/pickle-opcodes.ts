import { describe, type PickleMachine } from './pickle-machine.ts';
import { floatLine, indexLine, integerLine, nameLine, quotedLine, unicodeLine } from './pickle-text.ts';
import type { Buildable } from './pickle-types.ts';

type Instruction = (m: PickleMachine) => void;

const push =
  (make: (m: PickleMachine) => unknown): Instruction =>
  (m) =>
    m.push(make(m));

/** Takes two items; the first was pushed first. */
const pushOfTwo =
  (make: (m: PickleMachine, first: unknown, second: unknown) => unknown): Instruction =>
  (m) => {
    const second = m.pop();
    m.push(make(m, m.pop(), second));
  };

const tuple = (length: number): Instruction => push((m) => Array.from({ length }, () => m.pop()).reverse());

/** Puts items into the container below them: `take` gives the items. */
const put =
  (into: (m: PickleMachine, container: unknown, items: readonly unknown[]) => void, take: (m: PickleMachine) => unknown[]): Instruction =>
  (m) => {
    const items = take(m);
    into(m, m.top(), items);
  };
const one = (m: PickleMachine) => [m.pop()];
const two = (m: PickleMachine) => [m.pop(), m.pop()].reverse();
const toMark = (m: PickleMachine) => m.popToMark();

function intoDict(m: PickleMachine, container: unknown, pairs: readonly unknown[]): void {
  const dict = container instanceof Map ? container : m.fail('a dict to store in', describe(container));
  if (pairs.length % 2) m.fail('a value for every key', 'a key without');
  for (let i = 0; i < pairs.length; i += 2) dict.set(pairs[i], pairs[i + 1]);
}

function intoList(m: PickleMachine, container: unknown, items: readonly unknown[]): void {
  const list: unknown[] = Array.isArray(container) ? container : m.fail('a list to append to', describe(container));
  for (const item of items) list.push(item);
}

function intoSet(m: PickleMachine, container: unknown, items: readonly unknown[]): void {
  const set = container instanceof Set ? container : m.fail('a set to add to', describe(container));
  for (const item of items) set.add(item);
}

const isBuildable = (value: unknown): value is Buildable => typeof value === 'object' && value !== null && 'setState' in value;

/** Attributes of a dict (PyTorch keeps versions of layers there) carry no numbers: they are dropped. */
const build: Instruction = (m) => {
  const state = m.pop();
  const target = m.top();
  if (isBuildable(target)) target.setState(state, m);
  else if (!(target instanceof Map)) m.fail('an object that takes a state', describe(target));
};

const globalLines = (m: PickleMachine): unknown => {
  const module = nameLine(m);
  return m.global(module, nameLine(m));
};

const refused =
  (what: string): Instruction =>
  (m) =>
    m.fail('a pickle that stands alone', what);

const protocol: Instruction = (m) => {
  const version = m.u8();
  if (version > 5) m.fail('a pickle of protocol 0 to 5', `protocol ${version}`);
};

const table: Readonly<Record<string, Instruction>> = {
  // Numbers and constants.
  I: push(integerLine),
  L: push(integerLine),
  F: push(floatLine),
  J: push((m) => m.i32()),
  K: push((m) => m.u8()),
  M: push((m) => m.u16()),
  G: push((m) => m.f64()),
  '\x8a': push((m) => m.integer(m.take(m.u8()))),
  '\x8b': push((m) => m.integer(m.take(m.i32()))),
  N: push(() => null),
  '\x88': push(() => true),
  '\x89': push(() => false),
  // Text and bytes.
  S: push(quotedLine),
  T: push((m) => m.textOrBytes(m.take(m.i32()))),
  U: push((m) => m.textOrBytes(m.take(m.u8()))),
  V: push(unicodeLine),
  X: push((m) => m.text(m.take(m.u32()))),
  '\x8c': push((m) => m.text(m.take(m.u8()))),
  '\x8d': push((m) => m.text(m.take(m.u64()))),
  B: push((m) => m.take(m.u32())),
  C: push((m) => m.take(m.u8())),
  '\x8e': push((m) => m.take(m.u64())),
  '\x96': push((m) => m.take(m.u64())),
  // Containers.
  ')': push(() => []),
  t: push(toMark),
  '\x85': tuple(1),
  '\x86': tuple(2),
  '\x87': tuple(3),
  ']': push(() => []),
  l: push(toMark),
  a: put(intoList, one),
  e: put(intoList, toMark),
  '}': push(() => new Map()),
  d: push((m) => {
    const dict = new Map();
    intoDict(m, dict, m.popToMark());
    return dict;
  }),
  s: put(intoDict, two),
  u: put(intoDict, toMark),
  '\x8f': push(() => new Set()),
  '\x90': put(intoSet, toMark),
  '\x91': push((m) => new Set(m.popToMark())),
  // The stack and the memo.
  '(': (m) => m.mark(),
  '0': (m) => m.pop(),
  '1': (m) => m.popToMark(),
  '2': push((m) => m.top()),
  p: (m) => m.remember(indexLine(m)),
  q: (m) => m.remember(m.u8()),
  r: (m) => m.remember(m.u32()),
  '\x94': (m) => m.memoize(),
  g: push((m) => m.recall(indexLine(m))),
  h: push((m) => m.recall(m.u8())),
  j: push((m) => m.recall(m.u32())),
  // Names of the allow-list and what is made with them.
  c: push(globalLines),
  '\x93': pushOfTwo((m, module, name) => m.global(module, name)),
  R: pushOfTwo((m, callee, args) => m.call(callee, args)),
  '\x81': pushOfTwo((m, callee, args) => m.call(callee, args)),
  '\x92': (m) => {
    const keywords = m.pop();
    if (!(keywords instanceof Map) || keywords.size) m.fail('no keyword arguments', describe(keywords));
    table.R(m);
  },
  i: push((m) => m.call(globalLines(m), m.popToMark())),
  o: push((m) => {
    const [callee, ...args] = m.popToMark();
    return m.call(callee, args);
  }),
  b: build,
  P: push((m) => m.persistent(nameLine(m))),
  Q: push((m) => m.persistent(m.pop())),
  // Framing.
  '\x80': protocol,
  '\x95': (m) => m.checkLeft(m.u64()),
  '.': (m) => m.stop(),
  // What works only together with something outside the file.
  '\x82': refused('a name from the extension registry'),
  '\x83': refused('a name from the extension registry'),
  '\x84': refused('a name from the extension registry'),
  '\x97': refused('a buffer outside the pickle'),
  '\x98': refused('a buffer outside the pickle'),
};

/** Every instruction of protocols 0 to 5, by its byte. */
export const instructions: readonly (Instruction | undefined)[] = Array.from({ length: 256 }, (_, byte) => {
  const code = String.fromCharCode(byte);
  return Object.hasOwn(table, code) ? table[code] : undefined;
});
