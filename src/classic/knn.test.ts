import { describe, expect, it } from 'vitest';
import { Rng } from '../core/rng.ts';
import { LocalEngine } from '../engine/local.ts';
import { createReferenceBackend } from '../engine/reference/backend.ts';
import { bestOf, crossValidate } from './cross-validate.ts';
import { type KnnMetric, nearestNeighbours, vote } from './knn.ts';
import { studyNeighbours } from './knn-study.ts';

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
    const [rows, queries] = [random(1100, 'rows'), random(2051, 'queries')];
    const { indices } = await nearestNeighbours(engine, { queries, rows, k: 4, metric });
    const at = (data: Float32Array, n: number) => data.subarray(n * width, (n + 1) * width);
    for (const q of [0, 2047, 2048, 2050]) {
      const all = Array.from({ length: 1100 }, (_, r) => distances[metric](at(queries.data, q), at(rows.data, r)));
      const sorted = all.map((_, r) => r).sort((a, b) => all[a] - all[b]);
      expect([...indices.subarray(q * 4, q * 4 + 4)]).toEqual(sorted.slice(0, 4));
    }
  });

  it.each(['l1', 'l2', 'cosine'] as const)('finds among bytes what it finds among the same reals, by %s', async (metric) => {
    const rng = new Rng('bytes');
    const [wide, reals] = [2100, { rows: [] as number[], queries: [] as number[] }];
    for (let i = 0; i < 40 * wide; i++) reals.rows.push(rng.int(256));
    for (let i = 0; i < 5 * wide; i++) reals.queries.push(rng.int(256));
    const near = async (make: typeof Uint8Array | typeof Float32Array, other = make) => {
      const rows = { data: make.from(reals.rows), width: wide };
      const queries = { data: other.from(reals.queries), width: wide };
      return [...(await nearestNeighbours(engine, { queries, rows, k: 6, metric })).indices];
    };
    expect(await near(Uint8Array)).toEqual(await near(Float32Array));
    expect(await near(Uint8Array, Float32Array)).toEqual(await near(Float32Array));
  });

  it('sums the largest differences of many bytes without overflow', async () => {
    const wide = 20_000;
    const rows = { data: new Uint8Array(2 * wide).fill(255), width: wide };
    rows.data[wide] = 254;
    const { indices } = await nearestNeighbours(engine, { queries: { data: new Uint8Array(wide), width: wide }, rows, k: 2, metric: 'l1' });
    expect([...indices]).toEqual([1, 0]);
  });

  it('tells how far it is', async () => {
    for (const metric of ['l1', 'l2'] as const) {
      const shares: number[] = [];
      await nearestNeighbours(engine, {
        queries: random(2100, 'q'),
        rows: random(600, 'r'),
        k: 1,
        metric,
        onProgress: (s) => shares.push(s),
      });
      expect(shares).toEqual(shares.toSorted((a, b) => a - b));
      expect(shares.at(-1)).toBe(1);
    }
  });

  it.each(['l1', 'l2', 'cosine'] as const)('takes the lower indices of many equal rows by %s', async (metric) => {
    const rows = { data: new Float32Array(30 * width).fill(2), width };
    const { indices } = await nearestNeighbours(engine, { queries: random(1, 'a'), rows, k: 3, metric });
    expect([...indices]).toEqual([0, 1, 2]);
  });

  it('orders what single precision cannot', async () => {
    const rows = { data: Float32Array.from([4500.5, 4500.75, 4500.25, 4499.5, 0]), width: 1 };
    const queries = { data: Float32Array.from([4500.25]), width: 1 };
    for (const k of [1, 3, 5]) {
      const { indices } = await nearestNeighbours(engine, { queries, rows, k, metric: 'l2' });
      expect([...indices]).toEqual([2, 0, 1, 3, 4].slice(0, k));
    }
  });

  it('refuses numbers that are not finite, by row and query', async () => {
    const bad = { data: Float32Array.from([0, 0, 0, 0, Number.NaN, 0]), width };
    for (const metric of ['l1', 'l2', 'cosine'] as const) {
      const near = (queries: typeof bad, rows: typeof bad) => nearestNeighbours(engine, { queries, rows, k: 1, metric });
      await expect(near(random(1, 'a'), bad)).rejects.toThrow(/knn: row 1\] expected finite/);
      await expect(near(bad, random(2, 'b'))).rejects.toThrow(/knn: query 1\] expected finite/);
    }
  });

  it('keeps searches apart that run at the same time', async () => {
    const rows = random(700, 'rows');
    const asked = ['a', 'b', 'c'].map((key) => ({ queries: random(9, key), rows, k: 3 }));
    const alone = [];
    for (const one of asked) alone.push([...(await nearestNeighbours(engine, one)).indices]);
    const together = await Promise.all(asked.map((one) => nearestNeighbours(engine, one)));
    expect(together.map(({ indices }) => [...indices])).toEqual(alone);
  });

  it('refuses k beyond the rows', async () => {
    await expect(nearestNeighbours(engine, { queries: random(1, 'a'), rows: random(3, 'b'), k: 4 })).rejects.toThrow(/1 to 3, got 4/);
  });

  it('refuses queries and rows that are not one or more whole rows, and an unknown metric', async () => {
    const whole = random(3, 'rows');
    const none = { data: new Float32Array(0), width };
    const cut = { data: new Float32Array(10), width };
    const near = (queries: typeof whole, rows: typeof whole, metric = 'l2') =>
      nearestNeighbours(engine, { queries, rows, k: 1, metric: metric as KnnMetric });
    await expect(near(none, whole)).rejects.toThrow('[knn: queries] expected one or more rows of 3 numbers, got 0 numbers');
    await expect(near(cut, whole)).rejects.toThrow('[knn: queries] expected one or more rows of 3 numbers, got 10 numbers');
    await expect(near(whole, cut)).rejects.toThrow('[knn: rows] expected one or more rows of 3 numbers, got 10 numbers');
    await expect(near(whole, { data: whole.data, width: 0 })).rejects.toThrow('[knn: rows] expected rows of 1 number or more');
    await expect(near(whole, whole, 'l3')).rejects.toThrow("[metric] expected l1, l2 or cosine, got 'l3'");
  });
});

describe('vote', () => {
  it('takes the majority, ties to the nearer neighbour', () => {
    const labels = [0, 1, 1, 2, 0];
    const near = { k: 4, indices: Int32Array.from([3, 1, 2, 0, 1, 2, 0, 4]) };
    const { predictions, probabilities } = vote(near, labels, 3);
    expect([...predictions]).toEqual([1, 1]);
    expect([...probabilities]).toEqual([0.25, 0.5, 0.25, 0.5, 0.5, 0]);
    expect([...vote(near, labels, 3, 1).predictions]).toEqual([2, 1]);
  });

  it.each([
    [[0, 2, 0], '[vote, row 1] expected a label from 0 to 1, got 2'],
    [[0, -1, 0], '[vote, row 1] expected a label from 0 to 1, got -1'],
    [[0, 1], '[vote] expected 3 labels, one for each sample, got 2'],
  ])('refuses the labels %j of three rows in two classes', (labels, message) => {
    expect(() => vote({ k: 1, indices: Int32Array.of(0, 1, 2) }, labels, 2)).toThrow(message);
  });
});

describe('crossValidate', () => {
  it('classifies two groups apart without error', async () => {
    const rows = { data: Float32Array.from({ length: 20 }, (_, i) => (i % 2) * 100 + i / 20), width: 1 };
    const labels = Array.from({ length: 20 }, (_, i) => i % 2);
    const found = await crossValidate(engine, { rows, labels, classes: 2, ks: [1, 16], folds: 5 });
    expect(found.map(({ k }) => k)).toEqual([1, 16]);
    expect(found[0]).toMatchObject({ foldAccuracies: [1, 1, 1, 1, 1], mean: 1, spread: 0 });
    expect(bestOf(found).k).toBe(1);
  });

  it('refuses more neighbours than are outside a part', async () => {
    const rows = { data: new Float32Array(11), width: 1 };
    const run = (k: number, folds: number) => crossValidate(engine, { rows, labels: new Int32Array(11), classes: 1, ks: [1, k], folds });
    await expect(run(9, 5)).rejects.toThrow(/\[k\] expected 1 to 8.*got 9/);
    await expect(run(1, 12)).rejects.toThrow(/\[folds\] expected 2 to 11, got 12/);
    for (const k of [0, 1.5, Number.NaN]) await expect(run(k, 5)).rejects.toThrow(`[k] expected 1 to 8`);
    await expect(run(8, 5)).resolves.toHaveLength(2);
  });

  it.each([
    [[0, 1], '[cross-validation] expected 3 labels, one for each sample, got 2'],
    [[0, 1, 2], '[cross-validation, row 2] expected a label from 0 to 1, got 2'],
    [[0, -1, 1], '[cross-validation, row 1] expected a label from 0 to 1, got -1'],
  ])('refuses the labels %j of three rows in two classes', async (labels, message) => {
    const rows = { data: Float32Array.of(0, 1, 2), width: 1 };
    await expect(crossValidate(engine, { rows, labels, classes: 2, ks: [1], folds: 3 })).rejects.toThrow(message);
  });

  it('gives the standard deviation of a sample', async () => {
    // Two parts of one row each among rows of two classes: which are right depends on the deal, but both lie at 0 or 1.
    const rows = { data: Float32Array.of(0, 1, 10, 11), width: 1 };
    const [{ foldAccuracies, spread, mean }] = await crossValidate(engine, { rows, labels: [0, 1, 1, 1], classes: 2, ks: [1], folds: 4 });
    expect(foldAccuracies).toHaveLength(4);
    expect(mean).toBe(0.5);
    expect(spread).toBeCloseTo(Math.sqrt((4 * 0.25) / 3), 12);
  });
});

describe('studyNeighbours', () => {
  it('chooses k on the training rows, judges the test rows and times queries among more and more rows', async () => {
    const rng = new Rng('study');
    const made = (count: number) => {
      const labels = Array.from({ length: count }, (_, i) => i % 2);
      return { rows: { data: Float32Array.from(labels, (label) => label * 10 + rng.uniform()), width: 1 }, labels };
    };
    const stages = new Set<string>();
    const [train, test] = [made(40), made(9)];
    const study = await studyNeighbours(engine, { train, test, classes: 2, ks: [1, 3], onProgress: (stage) => stages.add(stage) });
    expect(study).toMatchObject({ bestK: 1, accuracy: 1, metric: 'l2' });
    expect([...study.predictions]).toEqual(test.labels);
    expect(study.neighbours.indices).toHaveLength(9 * 3);
    expect(study.queryTimes.map(({ rows }) => rows)).toEqual([10, 20, 40]);
    expect([...stages]).toEqual(['cross-validation', 'test', 'timing']);
    const short = { ...test, labels: test.labels.slice(1) };
    await expect(studyNeighbours(engine, { train, test: short, classes: 2, ks: [1] })).rejects.toThrow('[knn: test] expected 9 labels');
  });
});
