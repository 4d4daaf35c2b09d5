import { afterAll, expect, it } from 'vitest';
import { Rng } from '../core/rng.ts';
import type { Dataset } from '../data/dataset.ts';
import { LocalEngine } from '../engine/local.ts';
import { createReferenceBackend } from '../engine/reference/backend.ts';
import type { Tensor } from '../graph/tensor.ts';
import { Linear } from '../nn/layers.ts';
import { initialState, Module } from '../nn/module.ts';
import { flatten, relu } from '../ops/index.ts';
import { Evaluator } from './evaluator.ts';

class Tiny extends Module {
  hidden = new Linear(4, 3);
  out = new Linear(3, 2);
  override forward(x: Tensor): Tensor {
    return this.out.forward(relu(this.hidden.forward(flatten(x))));
  }
}

/** Noise in memory: three batches of an evaluation, the last one short. */
const noise: Dataset = {
  name: 'noise',
  length: 600,
  classes: ['a', 'b'],
  sampleShape: [1, 2, 2],
  labels: Int32Array.from({ length: 600 }, (_, i) => ((i * i) % 7) & 1),
  read(indices, into) {
    for (let n = 0; n < indices.length; n++) {
      const rng = new Rng('noise', indices[n]);
      for (let i = 0; i < 4; i++) into[4 * n + i] = rng.normal();
    }
  },
};

const engine = new LocalEngine(createReferenceBackend());
afterAll(() => engine.close());

it.each([
  ['everything changes', () => true],
  ['the first layer is frozen', (name: string) => name.startsWith('out')],
])('finds the same again over samples in memory, read once, where %s', async (_, changes) => {
  const module = new Tiny();
  const store = await engine.createStore();
  await store.load(initialState(module, 0));
  let read = 0;
  const dataset: Dataset = {
    ...noise,
    read(indices, into) {
      read += indices.length;
      return noise.read(indices, into);
    },
  };
  const evaluator = await Evaluator.create({ module, dataset, engine, store, changes });
  const first = await evaluator.run();
  expect(await evaluator.run()).toEqual(first);
  expect(read).toBe(600);
  await evaluator.close();
});

it('refuses classes that are not as many as the scores', async () => {
  const module = new Tiny();
  const store = await engine.createStore();
  await store.load(initialState(module, 0));
  for (const classes of [['a'], ['a', 'b', 'c']])
    await expect(Evaluator.create({ module, dataset: { ...noise, classes }, engine, store })).rejects.toThrow(
      `[noise] expected a network with ${classes.length} scores, one a class, got [250,2]`,
    );
});
