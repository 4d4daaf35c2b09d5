import { describe, expect, it } from 'vitest';
import { Rng } from '../core/rng.ts';
import { mostSimilar } from './most-similar.ts';

function unitRows(count: number, size: number, seed: string): Float32Array {
  const rng = new Rng(seed);
  const rows = Float32Array.from({ length: count * size }, () => rng.normal());
  for (let r = 0; r < count; r++) {
    const row = rows.subarray(r * size, (r + 1) * size);
    const norm = Math.hypot(...row);
    for (let i = 0; i < size; i++) row[i] /= norm;
  }
  return rows;
}

describe('mostSimilar', () => {
  it.each([
    [500, 16, 12],
    [500, 7, 1],
    [37, 3, 37],
    [5, 2, 12],
  ])('finds among %i rows of %i numbers the %i that sorting all finds', (count, size, topK) => {
    const rows = unitRows(count, size, `rows ${size}`);
    const query = unitRows(1, size, 'query');
    const all = Array.from({ length: count }, (_, row) => {
      let similarity = 0;
      for (let i = 0; i < size; i++) similarity += rows[row * size + i] * query[i];
      return { row, similarity };
    });
    const wanted = all.sort((a, b) => b.similarity - a.similarity).slice(0, topK);
    const found = mostSimilar(rows, query, topK);
    expect(found.map(({ row }) => row)).toEqual(wanted.map(({ row }) => row));
    found.forEach(({ similarity }, i) => {
      expect(similarity).toBeCloseTo(wanted[i].similarity, 6);
    });
  });

  it('puts the lower of equal rows first and keeps it where there is room for one', () => {
    const rows = Float32Array.of(0, 1, 1, 0, 1, 0, 1, 0);
    expect(mostSimilar(rows, Float32Array.of(1, 0), 2).map(({ row }) => row)).toEqual([1, 2]);
    expect(mostSimilar(rows, Float32Array.of(1, 0), 4).map(({ row }) => row)).toEqual([1, 2, 3, 0]);
  });

  it('leaves out rows that do not count, and stays within −1 … 1', () => {
    const rows = Float32Array.of(1.0000001, 0, -1.0000001, 0, 0, 1);
    expect(mostSimilar(rows, Float32Array.of(1.0000001, 0), 3, (row) => row !== 2)).toEqual([
      { row: 0, similarity: 1 },
      { row: 1, similarity: -1 },
    ]);
  });

  it('refuses vectors of another length', () => {
    expect(() => mostSimilar(new Float32Array(10), new Float32Array(4), 1)).toThrow(/rows of 4 numbers, got 10 numbers/);
    expect(() => mostSimilar(new Float32Array(0), new Float32Array(0), 1)).toThrow(/rows of 0 numbers/);
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses a topK of %d', (topK) => {
    expect(() => mostSimilar(Float32Array.of(1, 0), Float32Array.of(1, 0), topK)).toThrow(`[topK] expected an integer from 1, got ${topK}`);
  });
});
