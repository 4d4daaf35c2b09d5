import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../core/errors.ts';
import { readPickle } from './pickle.ts';
import { numpyGlobals } from './pickle-numpy.ts';

const testdata = (name: string) => new Uint8Array(readFileSync(new URL(`./pth/testdata/${name}`, import.meta.url)));
/** A pickle from text and bytes, with STOP behind it. */
const pickle = (...parts: (string | number | Uint8Array)[]): Uint8Array =>
  Uint8Array.from(
    [...parts, '.'].flatMap((part) =>
      typeof part === 'string' ? [...new TextEncoder().encode(part)] : typeof part === 'number' ? [part] : [...part],
    ),
  );
const globals = new Map<string, unknown>([...numpyGlobals, ['builtins.bytearray', ([bytes]: unknown[]) => bytes]]);
const read = (bytes: Uint8Array) => readPickle(bytes, { globals, file: 'x.pkl' }).value;

const values = [
  ...[null, true, false, 0, 255, 65535, -1, 2 ** 31, -(2n ** 62n), 2n ** 53n + 1n, 1.5, Infinity, 'grün', Uint8Array.of(0, 255)],
  ...[[], [1], [1, 2], [1, 2, 3], [1, 2, 3, 4], [1, [2]]],
  new Map<unknown, unknown>([
    ['a', 1],
    [2, 'b'],
  ]),
  ...['quote\'"\\\n', 'x'.repeat(300), 0.5, -7n],
  { dtype: 'i32', shape: [2, 3], data: Int32Array.of(0, 1, 2, 3, 4, 5) },
  { dtype: 'f64', shape: [2, 3], data: Float64Array.of(0, 1, 2, 3, 4, 5) },
  { dtype: 'u8', shape: [2], data: Uint8Array.of(1, 0) },
];
const inProtocol4 = [new Set([1, 2]), new Set([3]), Uint8Array.of(97, 98)];

describe('readPickle', () => {
  it.each([0, 1, 2, 3, 4, 5])('reads what Python wrote in protocol %i', (protocol) => {
    const got = read(testdata(`values-${protocol}.pickle`)) as unknown[];
    const wanted = protocol >= 4 ? [...values, ...inProtocol4] : values;
    expect(got).toHaveLength(wanted.length);
    for (const [i, value] of wanted.entries()) {
      const array = value !== null && typeof value === 'object' && 'dtype' in value;
      expect(array ? { ...(got[i] as object) } : got[i], `value ${i}`).toEqual(value);
    }
  });

  it("reads Python 2's strings: text if ASCII, else bytes", () => {
    expect(read(pickle('U', 3, 'abc'))).toBe('abc');
    expect(read(pickle('U', 2, Uint8Array.of(0x80, 1)))).toEqual(Uint8Array.of(0x80, 1));
    expect(read(pickle(`S'a\\x41\\n\\101\\\\'\n`))).toBe('aA\nA\\');
    expect(read(pickle(`S"\\xff"\n`))).toEqual(Uint8Array.of(255));
    expect(read(pickle('Va\\u00fc\\U0001F600\n'))).toBe('aü😀');
    expect(read(pickle('I01\n'))).toBe(true);
    expect(read(pickle('L-5L\n'))).toBe(-5);
  });

  it('shares what the memo shares, lets a list contain itself, and says where the pickle ended', () => {
    const list = read(pickle(']', 'q', 0, 'h', 0, 'a')) as unknown[];
    expect(list[0]).toBe(list);
    expect(readPickle(pickle('xx', 'K', 7), { globals, start: 2 })).toEqual({ value: 7, end: 5 });
  });

  it.each<[string, Uint8Array, RegExp]>([
    [
      'os.system',
      pickle('cos\nsystem\n', "(S'true'\ntR"),
      /\[x\.pkl, byte 0\] expected plain values only, got os\.system, which is refused/,
    ],
    ['a name by STACK_GLOBAL', pickle(0x80, 4, 0x8c, 2, 'os', 0x8c, 6, 'system', 0x93), /byte 14\] .*os\.system/],
    ['a name by INST', pickle("(S'x'\nios\nsystem\n"), /os\.system/],
    ['a name of the prototype', pickle('cconstructor\nconstructor\n'), /constructor\.constructor/],
    ['a name that acts on the terminal', pickle('c\x1b[2Jos\nsystem\n'), /got \\u001b\[2Jos\.system/],
    ['a call of a constant', pickle('cnumpy\nndarray\n)R'), /function to call, got 'numpy\.ndarray'/],
    ['a call of text', pickle('Vx\n)R'), /function to call, got 'x'/],
    ['keyword arguments', pickle('cnumpy\ndtype\n)}Vk\nNs', 0x92), /no keyword arguments/],
    ['protocol 6', pickle(0x80, 6), /protocol 0 to 5, got protocol 6/],
    ['an unknown instruction', pickle(0xff), /instruction of pickle, got byte 0xff/],
    ['an extension code', pickle(0x82, 1), /extension registry/],
    ['an outside buffer', pickle(0x97), /buffer outside/],
    ['an empty stack', pickle(), /item on the stack/],
    ['a stack that ends at a mark', pickle('K', 1, '(R'), /item on the stack/],
    ['no mark', pickle('K', 1, 't'), /a mark on the stack/],
    ['an empty memo', pickle('h', 3), /number 3, which was not/],
    ['a key without a value', pickle('(K', 1, 'd'), /a key without/],
    ['a store into a list', pickle(']NNs'), /dict to store in, got a list/],
    ['a state for a list', pickle(']Nb'), /takes a state/],
    ['text that is no UTF-8', pickle('X', 1, 0, 0, 0, 0xff), /text in UTF-8/],
    ['a length of 2^63', pickle(0x8e, new Uint8Array(8).fill(255)), /18446744073709551615 bytes, got 1 to the end/],
    ['a negative length', pickle('T', new Uint8Array(4).fill(255)), /-1 bytes/],
    ['an integer of a thousand bytes', pickle(0x8b, 0xe8, 3, 0, 0, new Uint8Array(1000).fill(1)), /integer of at most 256 bytes/],
    ['an endless decimal', pickle(`L${'9'.repeat(5000)}L\n`), /an integer/],
    ['a frame beyond the end', pickle(0x95, 9, 0, 0, 0, 0, 0, 0, 0), /9 bytes, got 1 to the end/],
    ['a reference to other data', pickle('P1\n'), /no references/],
    ['a line without end', pickle('V'.padEnd(40, 'x')), /end of a line/],
    ['big-endian NumPy numbers', pickle('cnumpy\ndtype\n(Vf4\nI00\nI01\ntR(I3\nV>\nNNNI-1\nI-1\nI0\ntb'), /little-endian/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => read(bytes)).toThrow(message);
    expect(() => read(bytes)).toThrow(FormatError);
  });

  it('bounds instructions and the memory that calls ask for', () => {
    expect(() => readPickle(new Uint8Array(2_000_001).fill(0x4e), { globals })).toThrow(/at most 2000000 instructions/);
    const text = 'a'.repeat(50_000);
    const bomb = pickle(
      '(',
      `V${text}\nVlatin1\ntq`,
      0,
      '0c_codecs\nencode\nq',
      1,
      '0(',
      ...Array.from({ length: 100 }, () => [104, 1, 104, 0, 82]).flat(),
      'l',
    );
    expect(() => read(bomb)).toThrow(/in proportion to the file/);
  });

  it('survives a thousand billion laughs and a million levels', () => {
    let laughs: (string | number)[] = [']q', 0];
    for (let i = 0; i < 40; i++) laughs = [...laughs, '(', ...Array.from({ length: 10 }, () => ['h', i]).flat(), 'lq', i + 1];
    expect(read(pickle(...laughs))).toHaveLength(10);
    expect(read(pickle(']'.repeat(500_000), 'a'.repeat(499_999)))).toHaveLength(1);
  });

  it('refuses every cut and never fails otherwise when a byte is flipped', () => {
    for (const name of ['values-0.pickle', 'values-2.pickle', 'values-5.pickle']) {
      const bytes = testdata(name);
      for (let cut = 0; cut < bytes.length; cut += 3)
        expect(() => read(bytes.subarray(0, cut)), `${name} cut at ${cut}`).toThrow(FormatError);
      for (let i = 0; i < bytes.length; i++)
        for (const mask of [0x01, 0x15, 0x80]) {
          const damaged = bytes.slice();
          damaged[i] ^= mask;
          try {
            read(damaged);
          } catch (error) {
            if (!(error instanceof FormatError)) expect.fail(`${name} byte ${i} ^ ${mask}: ${error}`);
          }
        }
    }
  });
});
