import { describe, expect, it } from 'vitest';
import { Rng } from '../core/rng.ts';
import { LocalEngine } from '../engine/local.ts';
import { createReferenceBackend } from '../engine/reference/backend.ts';
import { crossValidate, type KnnMetric, nearestNeighbours, vote } from './knn.ts';

const engine = new LocalEngine(createReferenceBackend());
const width = 3;
const random = (count: number, key: string) => {
  const rng = new Rng(key);
  return { data: Float32Array.from({ length: count * width }, () => rng.normal()), width };
};

const distances: Record<KnnMetric, (a: Float32Array, b: Float32Array) => number> = {
  l1: (a, b) => a.reduce((sum, v, i) => sum + Math.abs(v - b[i]), 0),
  l2: (a, b) => Math.hypot(...a.map((v, i) => v - b[i])),
  cosine: (a, b) => 1 - a.reduce((sum, v, i) => sum + v * b[i], 0) / Math.hypot(...a) / Math.hypot(...b),
};

describe('nearestNeighbours', () => {
  it.each(['l1', 'l2', 'cosine'] as const)('finds what sorting by %s finds, over several blocks', async (metric) => {
    const [rows, queries] = [random(2100, 'rows'), random(259, 'queries')];
    const { indices } = await nearestNeighbours(engine, { queries, rows, k: 4, metric });
    const at = (data: Float32Array, n: number) => data.subarray(n * width, (n + 1) * width);
    for (const q of [0, 100, 258]) {
      const all = Array.from({ length: 2100 }, (_, r) => distances[metric](at(queries.data, q), at(rows.data, r)));
      const sorted = all.map((_, r) => r).sort((a, b) => all[a] - all[b]);
      expect([...indices.subarray(q * 4, q * 4 + 4)]).toEqual(sorted.slice(0, 4));
    }
  });

  it('refuses k beyond the rows', async () => {
    await expect(nearestNeighbours(engine, { queries: random(1, 'a'), rows: random(3, 'b'), k: 4 })).rejects.toThrow(/1 to 3, got 4/);
  });
});

describe('vote', () => {
  it('takes the majority, ties to the nearer neighbour', () => {
    const labels = [0, 1, 1, 2, 0];
    const near = { k: 4, indices: Int32Array.from([3, 1, 2, 0, 1, 0, 4, 2]) };
    const { predictions, probabilities } = vote(near, labels, 3);
    expect([...predictions]).toEqual([1, 1]);
    expect([...probabilities]).toEqual([0.25, 0.5, 0.25, 0.5, 0.5, 0]);
    expect([...vote(near, labels, 3, 1).predictions]).toEqual([2, 1]);
  });
});

describe('crossValidate', () => {
  it('classifies two groups apart without error', async () => {
    const rows = { data: Float32Array.from({ length: 20 }, (_, i) => (i % 2) * 100 + i / 20), width: 1 };
    const labels = Array.from({ length: 20 }, (_, i) => i % 2);
    const found = await crossValidate(engine, { rows, labels, classes: 2, ks: [1, 16], folds: 5 });
    expect(found.map(({ k }) => k)).toEqual([1, 16]);
    expect(found[0]).toMatchObject({ foldAccuracies: [1, 1, 1, 1, 1], mean: 1 });
  });
});
