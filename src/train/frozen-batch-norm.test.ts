import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { StateDict } from '../core/ndarray.ts';
import { Rng } from '../core/rng.ts';
import { initialState } from '../nn/module.ts';
import { loadDataSet } from './data-sets.ts';
import { evaluate } from './evaluate.ts';
import { completeRecipe, type RecipeInput } from './recipe.ts';
import { train } from './trainer.ts';

let data: string;
beforeAll(async () => {
  data = await mkdtemp(path.join(tmpdir(), 'fovea-norm-'));
  const rng = new Rng('norm');
  for (const part of ['train', 'val'])
    for (const name of ['dark', 'light']) {
      await mkdir(path.join(data, part, name), { recursive: true });
      for (let i = 0; i < 4; i++) {
        const pixels = Uint8Array.from({ length: 36 * 36 * 3 }, () => (name === 'dark' ? 0 : 128) + 127 * rng.uniform());
        await sharp(pixels, { raw: { width: 36, height: 36, channels: 3 } }).toFile(path.join(data, part, name, `${i}.png`));
      }
    }
});
afterAll(() => rm(data, { recursive: true }));

const small = { model: 'resnet18', weights: 'none', freeze: 'backbone', imageSize: 32, epochs: 2, batchSize: 4, workers: 0, threads: 1 };

/** Trains the head of a ResNet-18; keys whose numbers have changed, by kind, and whether validation saw what was left. */
async function run(more: RecipeInput) {
  const recipe = completeRecipe({ data, ...small, restoreBest: false, ...more });
  const { train: trainSet, test: testSet } = await loadDataSet(recipe);
  const { model, state, evaluation } = await train({ trainSet, testSet, recipe });
  const start = initialState(model, recipe.seed);
  const again = await evaluate({ model, state, dataset: testSet, workers: 0, threads: 1 });
  expect(evaluation!.loss).toBeCloseTo(again.loss, 5);
  const keys = [...state.keys()].filter((key) => !isEqual(start, state, key));
  const isStatistic = (key: string) => /\.running_(mean|var)$/.test(key);
  return { statistics: keys.filter(isStatistic), trained: keys.filter((key) => !isStatistic(key)) };
}
const isEqual = (a: StateDict, b: StateDict, key: string): boolean => {
  const other = b.get(key)!.data;
  return a.get(key)!.data.every((value, i) => value === other[i]);
};

const head = ['fc.weight', 'fc.bias'];

// Pictures that never change take another way: what lies before the first change is computed once.
it.each(['none', 'standard'] as const)('frozen batch norm keeps its statistics, transforms %s', async (transforms) => {
  expect(await run({ transforms })).toEqual({ statistics: [], trained: head });
});

it.each(['none', 'standard'] as const)(
  'frozenBn train: all statistics go on moving and nothing else does, transforms %s',
  async (transforms) => {
    const { statistics, trained } = await run({ transforms, frozenBn: 'train' });
    // 20 layers, a mean and a variance each.
    expect(statistics).toHaveLength(40);
    expect(trained).toEqual(head);
  },
);
