import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../core/errors.ts';
import { f32, i32, type NdArray } from '../core/ndarray.ts';
import { readNpy, writeNpy } from './npy.ts';

const samples: NdArray[] = [
  f32([1, -2.5, 3, 4, 5, 6], [2, 3]),
  f32([7], []),
  i32([1, -2, 3]),
  { dtype: 'f64', shape: [1, 2], data: Float64Array.of(Math.PI, -0) },
  { dtype: 'i64', shape: [2], data: BigInt64Array.of(2n ** 62n, -1n) },
  { dtype: 'u8', shape: [0, 4], data: new Uint8Array(0) },
  { dtype: 'u8', shape: [5], data: Uint8Array.of(0, 1, 2, 254, 255) },
];
const withHeader = (text: string, dataBytes: number, version = 1): Uint8Array => {
  const header = new TextEncoder().encode(text);
  const length = version === 1 ? [header.length & 255, header.length >> 8] : [header.length & 255, header.length >> 8, 0, 0];
  return Uint8Array.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0, ...length, ...header, ...new Uint8Array(dataBytes)]);
};

describe('npy', () => {
  it.each(samples)('returns the $dtype $shape it wrote', (array) => {
    const bytes = writeNpy(array);
    expect((bytes.length - array.data.byteLength) % 64).toBe(0);
    expect(readNpy(bytes)).toEqual(array);
  });

  it('writes the header NumPy writes', () => {
    const text = new TextDecoder('latin1').decode(writeNpy(f32([1, 2])));
    expect(text.slice(6, 10)).toBe('\x01\x00\x76\x00');
    expect(text.slice(10, 128)).toBe(`{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }`.padEnd(117).concat('\n'));
  });

  it('reads version 2 and a header in another order', () => {
    expect(readNpy(withHeader(`{"shape": (2L,), "fortran_order": False, "descr": "<i4"}`, 8, 2))).toEqual(i32([0, 0]));
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['an empty file', new Uint8Array(0), /magic bytes of \.npy \(0x93 .*got nothing/],
    ['another format', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a), /got 0x89 0x50/],
    ['version 9', withHeader('{}', 0, 9), /version 1, 2 or 3 of \.npy, got version 9\.0/],
    [
      'column-major',
      withHeader(`{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }`, 4),
      /row-major.*fortran_order.*ascontiguousarray/,
    ],
    ['big-endian', withHeader(`{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }`, 4), /dtype of <f4, .*got >f4/],
    ['a structure', withHeader(`{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }`, 4), /header with 'descr'/],
    ['no shape', withHeader(`{'descr': '<f4', 'fortran_order': False}`, 4), /header with 'shape'/],
    ['a negative extent', withHeader(`{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }`, 4), /header with 'shape'/],
    ['bytes behind the end', withHeader(`{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }`, 5), /4 bytes for f32 \[1\], got 5/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => readNpy(bytes, 'x.npy')).toThrow(message);
    expect(() => readNpy(bytes, 'x.npy')).toThrow(/^\[x\.npy\]/);
    expect(() => readNpy(bytes, 'x.npy')).toThrow(FormatError);
  });

  it('refuses every cut of a file', () => {
    const bytes = writeNpy(f32([1, 2, 3]));
    for (let cut = 0; cut < bytes.length; cut += 7) expect(() => readNpy(bytes.subarray(0, cut)), `cut at ${cut}`).toThrow(FormatError);
  });
});

const reference = (name: string) => new URL(`../../../shared/data/imagenet/reference/${name}`, import.meta.url);
describe.skipIf(!existsSync(reference('')))('real .npy files (skipped where shared/data is absent)', () => {
  it('reads what NumPy wrote and writes the same bytes', () => {
    const bytes = readFileSync(reference('n02099601_golden_retriever.input.npy'));
    const array = readNpy(bytes);
    expect(array).toMatchObject({ dtype: 'f32', shape: [3, 224, 224] });
    expect(Buffer.compare(bytes, writeNpy(array))).toBe(0);
    const { data } = readNpy(readFileSync(reference('n02099601_golden_retriever.squeezenet1_0.logits.npy')));
    expect((data as Float32Array).indexOf(Math.max(...(data as Float32Array)))).toBe(207);
  });
});
