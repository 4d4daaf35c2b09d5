import { describe, expect, it } from 'vitest';
import { Rng } from '../core/rng.ts';
import { nearestRows } from './nearest-rows.ts';

describe('nearestRows', () => {
  it.each([1, 3, 4, 5, 103])('sorts as comparing one by one does, with %i rows', (count) => {
    const rng = new Rng(3, 'rows', count);
    const size = 7;
    const rows = Float32Array.from({ length: count * size }, () => rng.uniform(-0.5, 0.5));
    const query = Float32Array.from({ length: size }, () => rng.uniform(-0.5, 0.5));
    const all = Array.from({ length: count }, (_, row) => {
      const similarity = query.reduce((sum, q, i) => sum + q * rows[row * size + i], 0);
      return { row, similarity };
    }).sort((a, b) => b.similarity - a.similarity);
    for (const k of [1, 4, count, count + 5]) expect(nearestRows(query, rows, k)).toEqual(all.slice(0, k));
  });

  it('keeps the order of equal rows and takes an empty index', () => {
    const rows = Float32Array.from([1, 0, 0, 1, 1, 0, 1, 0, 1, 0]);
    expect(nearestRows(Float32Array.from([1, 0]), rows, 3).map(({ row }) => row)).toEqual([0, 2, 3]);
    expect(nearestRows(Float32Array.from([1, 0]), new Float32Array(), 3)).toEqual([]);
  });

  it('refuses rows of another length', () => {
    expect(() => nearestRows(new Float32Array(3), new Float32Array(10), 1)).toThrow(/rows of 3 numbers/);
  });
});
