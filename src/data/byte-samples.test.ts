import { describe, expect, it } from 'vitest';
import { byteSamples } from './byte-samples.ts';

const pixels = Uint8Array.from({ length: 256 }, (_, i) => i);

describe('byteSamples', () => {
  it('gives every byte the single-precision quotient by 255', () => {
    const into = new Float32Array(256);
    byteSamples('all', pixels, 256)([0], into);
    expect(into).toEqual(Float32Array.from(pixels, (byte) => byte / 255));
  });

  it('writes the samples asked for in their order and nothing after them', () => {
    const into = new Float32Array(9).fill(7);
    byteSamples('rows', pixels, 4)([2, 0], into);
    const expected = [8, 9, 10, 11, 0, 1, 2, 3].map((byte) => byte / 255);
    expect(into).toEqual(Float32Array.from([...expected, 7]));
  });

  it.each([-1, 64, Number.NaN])('refuses the index %s', (index) => {
    expect(() => byteSamples('mnist test', pixels, 4)([index], new Float32Array(4))).toThrow(/mnist test.*0 to 63/s);
  });
});
