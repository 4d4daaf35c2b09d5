import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { type KnnMetric, nearestNeighbours, readLevels, rowCountOf, vote } from '../../src/classic/index.ts';
import { loadCifar10 } from '../../src/data/cifar.ts';
import { LocalEngine } from '../../src/engine/local.ts';

interface Golden {
  train: number;
  test: number;
  metrics: Record<KnnMetric, { right: Record<string, { sklearn: number; nearestOfEquals: number }>; firstNeighbours: number }>;
}
const golden: Golden = JSON.parse(readFileSync(new URL('knn.golden.json', import.meta.url), 'utf8'));
const folder = fileURLToPath(new URL('../../../shared/data/cifar10', import.meta.url));

describe.skipIf(!existsSync(folder))(
  'nearest neighbours on the CIFAR-10 subset against scikit-learn (skipped where it is absent)',
  async () => {
    const backend = await import('../../src/engine/onednn/backend.ts').then((m) => m.createOneDnnBackend()).catch((error: Error) => error);
    if (backend instanceof Error) {
      it.skip(`needs oneDNN: ${backend.message}`, () => {});
      return;
    }
    const engine = new LocalEngine(backend);
    const { train, test } = await loadCifar10(folder);
    const [rows, queries] = [await readLevels(train), await readLevels(test)];

    it.each(['l2', 'cosine', 'l1'] as const)('%s: as many test pictures right, to the picture', async (metric) => {
      expect([rowCountOf(rows), rowCountOf(queries)]).toEqual([golden.train, golden.test]);
      const near = await nearestNeighbours(engine, { queries, rows, k: 20, metric });
      const first = Array.from({ length: golden.test }, (_, q) => near.indices[20 * q]);
      expect(first.reduce((sum, row, q) => (sum + row * (q + 1)) % 2147483647, 0)).toBe(golden.metrics[metric].firstNeighbours);
      for (const [k, { sklearn, nearestOfEquals }] of Object.entries(golden.metrics[metric].right)) {
        const isRight = (guess: number, q: number) => guess === test.labels[q];
        const { predictions, probabilities } = vote(near, train.labels, 10, Number(k));
        expect(predictions.filter(isRight).length, `k = ${k}`).toBe(nearestOfEquals);
        // scikit-learn's own rule: of equal votes the lowest class.
        const lowest = Array.from(predictions, (_, q) => {
          const shares = probabilities.subarray(10 * q, 10 * q + 10);
          return shares.indexOf(Math.max(...shares));
        });
        expect(lowest.filter(isRight).length, `k = ${k}, scikit-learn's rule`).toBe(sklearn);
      }
    });
  },
);
