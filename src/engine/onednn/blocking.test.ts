import { describe, expect, it } from 'vitest';
import { blockedOffsets, spreadBy } from './blocking.ts';

describe('blockedOffsets', () => {
  it('puts channels in blocks: nChw2c', () => {
    // 3 channels of 1×2 pixels; the second block of two has one channel of padding.
    const offsets = blockedOffsets([1, 3, 1, 2], { strides: [8, 4, 4, 2], blocks: [2], axes: [1] });
    expect([...offsets]).toEqual([0, 2, 1, 3, 4, 6]);
  });

  it('puts blocks into blocks: OI2i2o', () => {
    const offsets = blockedOffsets([3, 3], { strides: [8, 4], blocks: [2, 2], axes: [1, 0] });
    expect([...offsets]).toEqual([0, 2, 4, 1, 3, 5, 8, 10, 12]);
  });

  it('spreads numbers and leaves the padding alone', () => {
    const y = new Float32Array(8);
    spreadBy(Uint32Array.of(0, 2, 1, 3, 4, 6)).eval({ inputs: [[1, 2, 3, 4, 5, 6]], outputs: [y] });
    expect([...y]).toEqual([1, 3, 2, 4, 5, 0, 6, 0]);
  });
});
