import { describe, expect, it } from 'vitest';
import { FormatError } from '../core/errors.ts';
import { readIdx } from './idx.ts';

const pictures = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255);

describe('idx', () => {
  it('reads bytes with their extents', () => {
    expect(readIdx(pictures)).toEqual({ dtype: 'u8', shape: [2, 1, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 255) });
  });

  it('reads big-endian numbers', () => {
    expect(readIdx(Uint8Array.of(0, 0, 0x0d, 1, 0, 0, 0, 2, 0x3f, 0x80, 0, 0, 0xc0, 0x20, 0, 0)).data).toEqual(Float32Array.of(1, -2.5));
    expect(readIdx(Uint8Array.of(0, 0, 0x0c, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe)).data).toEqual(Int32Array.of(-2));
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['an empty file', new Uint8Array(0), /an IDX file, got 0 bytes/],
    ['a packed file', Uint8Array.of(0x1f, 0x8b, 8, 0, 0), /magic bytes.*got 0x1f 0x8b 0x08 0x00/],
    ['an unknown dtype', Uint8Array.of(0, 0, 7, 1, 0, 0, 0, 0), /magic bytes/],
    ['no axes', Uint8Array.of(0, 0, 8, 0, 1), /magic bytes/],
    ['a cut header', pictures.subarray(0, 15), /header of 16 bytes, got 15.*cut short/],
    ['cut data', pictures.subarray(0, 21), /6 bytes for u8 \[2,1,3\], got 5.*cut short/],
    ['bytes behind the end', Uint8Array.from([...pictures, 0, 0]), /6 bytes for u8 \[2,1,3\], got 2 more/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => readIdx(bytes, 'digits')).toThrow(message);
    expect(() => readIdx(bytes, 'digits')).toThrow(/^\[digits\]/);
    expect(() => readIdx(bytes, 'digits')).toThrow(FormatError);
  });

  it('refuses every cut of a file', () => {
    for (let cut = 0; cut < pictures.length; cut++) expect(() => readIdx(pictures.subarray(0, cut)), `cut at ${cut}`).toThrow(FormatError);
  });
});
