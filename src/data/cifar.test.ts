import { describe, expect, it } from 'vitest';
import { readCifarBinary, readCifarPython } from './cifar.ts';

const record = (label: number, level: number) => [label, ...new Array<number>(3072).fill(level)];

/** Protocol 2, as NumPy under Python 3 writes `{'data': …, 'labels': […]}`, by hand: GLOBAL, tuples, BUILD. */
function pickled(labels: readonly number[], width = 3072): Uint8Array {
  const ascii = (text: string) => Array.from(text, (c) => c.charCodeAt(0));
  const word = (n: number) => [n & 255, (n >> 8) & 255, (n >> 16) & 255, (n >> 24) & 255];
  const text = (s: string) => [0x58, ...word(s.length), ...ascii(s)];
  const int = (n: number) => [0x4a, ...word(n)];
  const raw = Array.from({ length: 2 * width }, (_, i) => i % 251);
  const dtype = [...ascii('cnumpy\ndtype\n'), ...text('u1'), ...int(0), ...int(1), 0x87, 0x52];
  const array = [
    ...ascii('cnumpy.core.multiarray\n_reconstruct\n'),
    ...ascii('cnumpy\nndarray\n'),
    ...int(0),
    0x85,
    ...text('b'),
    0x87,
    0x52,
  ];
  const state = [0x28, ...int(1), ...int(2), ...int(width), 0x86, ...dtype, 0x89, 0x42, ...word(raw.length), ...raw, 0x74, 0x62];
  const list = [0x5d, 0x28, ...labels.flatMap(int), 0x65];
  return Uint8Array.from([0x80, 3, 0x7d, 0x28, ...text('data'), ...array, ...state, ...text('labels'), ...list, 0x75, 0x2e]);
}

describe('CIFAR-10', () => {
  it('reads the binary version', () => {
    const { pixels, labels } = readCifarBinary(Uint8Array.from([...record(3, 7), ...record(9, 8)]), 'b.bin');
    expect(Array.from(labels)).toEqual([3, 9]);
    expect([pixels.length, pixels[3071], pixels[3072]]).toEqual([6144, 7, 8]);
  });

  it('refuses cut files and labels out of range by name', () => {
    expect(() => readCifarBinary(Uint8Array.from(record(3, 7).slice(1)), 'b.bin')).toThrow(/b\.bin.*3073.*3072 bytes/);
    expect(() => readCifarBinary(Uint8Array.from([...record(3, 7), ...record(10, 7)]), 'b.bin')).toThrow(/b\.bin, row 1.*got 10/);
    expect(() => readCifarBinary(new Uint8Array(0), 'b.bin')).toThrow(/0 bytes/);
  });

  it('reads the python version', () => {
    const { pixels, labels } = readCifarPython(pickled([4, 0]), 'p');
    expect(Array.from(labels)).toEqual([4, 0]);
    expect([pixels.length, pixels[3072]]).toEqual([6144, 3072 % 251]);
  });

  it('refuses python batches of other sizes, labels and cut ones', () => {
    expect(() => readCifarPython(pickled([4, 0], 3071), 'p')).toThrow(/\[p\].*\[n,3072\].*3071/);
    expect(() => readCifarPython(pickled([4]), 'p')).toThrow(/2 labels, got 1/);
    expect(() => readCifarPython(pickled([4, -1]), 'p')).toThrow(/p, row 1.*-1/);
    expect(() => readCifarPython(pickled([4, 0]).subarray(0, 900), 'p')).toThrow(/p/);
  });
});
