import { describe, expect, it } from 'vitest';
import { UsageError } from '../core/errors.ts';
import { batchIndices, epochOrder } from './order.ts';

describe('epochOrder', () => {
  it('visits every sample once, differently in each epoch and for each seed, and the same way again', () => {
    const order = epochOrder(1000, { seed: 3, epoch: 1 });
    expect([...order].sort((a, b) => a - b)).toEqual([...epochOrder(1000, { seed: 3, epoch: 1, shuffle: false })]);
    expect(epochOrder(1000, { seed: 3, epoch: 1 })).toEqual(order);
    expect(epochOrder(1000, { seed: 3, epoch: 2 })).not.toEqual(order);
    expect(epochOrder(1000, { seed: 4, epoch: 1 })).not.toEqual(order);
  });

  it('keeps the order of the data set where it shall not shuffle', () => {
    expect(epochOrder(4, { seed: 0, epoch: 5, shuffle: false })).toEqual(Uint32Array.of(0, 1, 2, 3));
  });
});

describe('batchIndices', () => {
  it('keeps the last, smaller batch', () => {
    const order = Uint32Array.of(4, 2, 0, 3, 1);
    expect(batchIndices(order, 2)).toEqual([Uint32Array.of(4, 2), Uint32Array.of(0, 3), Uint32Array.of(1)]);
    expect(batchIndices(order, 5)).toEqual([order]);
    expect(batchIndices(order, 9)).toEqual([order]);
    expect(batchIndices(new Uint32Array(0), 2)).toEqual([]);
    expect(batchIndices(order, 2)[0].buffer).not.toBe(order.buffer);
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses a batch size of %d', (size) => {
    expect(() => batchIndices(Uint32Array.of(0), size)).toThrow(UsageError);
  });
});
