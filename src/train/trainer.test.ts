import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Dataset } from '../data/dataset.ts';
import { LocalEngine } from '../engine/local.ts';
import { createReferenceBackend } from '../engine/reference/backend.ts';
import type { Tensor } from '../graph/tensor.ts';
import { Linear } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { flatten } from '../ops/index.ts';
import { loadCheckpoint } from './checkpoint.ts';
import { numbers, options, recipe, spying, testSet, trainSet } from './points.fixture.ts';
import { completeRecipe } from './recipe.ts';
import type { TrainOptions } from './train-options.ts';
import { train } from './trainer.ts';
import { weightsFile } from './weights-files.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-train-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('train', () => {
  it('learns, and evaluates every evalEvery batches and at the end of an epoch', async () => {
    const epochs: number[] = [];
    const { progress, evaluation, interrupted } = await train(options({ onEpoch: ({ epoch }) => epochs.push(epoch) }));
    expect(evaluation!.accuracy).toBeGreaterThan(0.9);
    expect(interrupted).toBe(false);
    expect(progress.history.map(({ epoch, step, images }) => [epoch, step, images])).toEqual([
      [1, 5, 40],
      [1, 10, 80],
      [1, 15, 120],
      [1, 17, 130],
      [2, 22, 40],
      [2, 27, 80],
      [2, 32, 120],
      [2, 34, 130],
    ]);
    expect(epochs).toEqual([1, 2]);
    expect(progress).toMatchObject({ epoch: 2, batch: 0, step: 34 });
  });

  it('shows every training image once an epoch, in an order of the seed and the epoch', async () => {
    const orders: number[][] = [];
    const spy = spying(trainSet, (indices) => orders.push(Array.from(indices)));
    await train(options({ trainSet: spy }));
    const [first, second] = [orders.slice(0, 17).flat(), orders.slice(17).flat()];
    for (const order of [first, second]) expect(order.toSorted((a, b) => a - b)).toEqual([...Array(130).keys()]);
    expect(first).not.toEqual(second);
  });

  it('reports the loss and the accuracy of the images so far', async () => {
    const losses: number[] = [];
    const { progress } = await train(options({ recipe: { ...recipe, epochs: 1 }, onStep: ({ loss }) => losses.push(loss) }));
    const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
    expect(progress.history[1].loss).toBeCloseTo(mean(losses.slice(5, 10)), 12);
    // The last batch of the epoch has 2 images instead of 8.
    expect(progress.history[3].loss).toBeCloseTo((8 * losses[15] + 2 * losses[16]) / 10, 12);
    for (const { trainAccuracy, images } of progress.history) expect((trainAccuracy * images) % 1).toBeCloseTo(0, 9);
  });

  it('refuses sets that do not belong together, and what a recipe says of the parts of a network of one’s own', async () => {
    const refused = (more: Partial<TrainOptions>, message: string) => expect(train(options(more))).rejects.toThrow(message);
    await refused(
      { testSet: { ...testSet, classes: ['right', 'left'] } },
      '[test] expected the 2 classes it was trained on, got the same in another',
    );
    await refused(
      { testSet: { ...testSet, sampleShape: [1, 4, 1] } },
      '[test] expected samples as those of training, [1,2,2], got [1,4,1]',
    );
    await refused({ testSet: { ...testSet, length: 0 } }, '[test] expected samples, got none');
    await refused(
      { recipe: { ...recipe, freeze: 'backbone' } },
      "[freeze] expected a network that the recipe names (model), got 'backbone'",
    );
  });

  it('counts of the training images what an evaluation of the same weights counts', async () => {
    class Scores extends Module {
      out = new Linear(4, 7);
      override forward(x: Tensor): Tensor {
        return this.out.forward(flatten(x));
      }
    }
    const seven: Dataset = { ...trainSet, classes: [...'abcdefg'], labels: Int32Array.from({ length: 130 }, (_, i) => i % 7) };
    // Too small a rate to change a weight.
    const still = { ...recipe, lr: 1e-30, optimizer: 'sgd' as const, evalEvery: 0 };
    const { progress } = await train(options({ model: new Scores(), trainSet: seven, testSet: seven, recipe: still }));
    expect(progress.history).toHaveLength(2);
    for (const { loss, trainAccuracy, trainTop5Accuracy, testLoss, testAccuracy, testTop5Accuracy } of progress.history) {
      expect([trainAccuracy, trainTop5Accuracy]).toEqual([testAccuracy, testTop5Accuracy]);
      expect(loss).toBeCloseTo(testLoss, 5);
    }
    expect(progress.history[0].trainTop5Accuracy).toBeGreaterThan(progress.history[0].trainAccuracy);
    expect(progress.history[0].trainTop5Accuracy).toBeLessThan(1);
  });

  it('gives the same bits for the same seed, others for another', async () => {
    const run = async (seed: number) => numbers((await train(options({ recipe: { ...recipe, seed } }))).state);
    const first = await run(1);
    expect(await run(1)).toEqual(first);
    expect(await run(2)).not.toEqual(first);
  });

  it('enqueues a step before it waits for the one before', async () => {
    const engine = new LocalEngine(createReferenceBackend());
    let [started, most, waiting] = [0, 0, 0];
    const compile = engine.compile.bind(engine);
    engine.compile = async (graph, store) => {
      const program = await compile(graph, store);
      const run = program.run.bind(program);
      program.run = async (feeds) => {
        started++;
        most = Math.max(most, ++waiting);
        await new Promise((resolve) => setImmediate(resolve));
        waiting--;
        return run(feeds);
      };
      return program;
    };
    await train(options({ engine, recipe: { ...recipe, epochs: 1 } }));
    expect(started).toBe(17 + 4);
    expect(most).toBe(2);
  });
});

describe('a disk that takes no checkpoint', () => {
  it('ends the run before its first step', async () => {
    // A file cannot take the place of a folder.
    await mkdir(weightsFile(folder, 'last'), { recursive: true });
    const steps: number[] = [];
    const failing = train(options({ runFolder: folder, onStep: ({ step }) => steps.push(step) }));
    await expect(failing).rejects.toMatchObject({ name: 'CheckpointError', complaint: { where: weightsFile(folder, 'last') } });
    expect(steps).toEqual([]);
  });
});

describe('a loss that is not finite', () => {
  it('ends the run naming the step, and keeps the weights of before', async () => {
    const sgd = completeRecipe({ ...recipe, optimizer: 'sgd', lr: 1e30 });
    const failing = train(options({ recipe: sgd, runFolder: folder }));
    await expect(failing).rejects.toMatchObject({ name: 'NumericError', complaint: { where: expect.stringMatching(/^step [2-5]$/) } });
    const { metadata, model } = await loadCheckpoint(weightsFile(folder, 'last'));
    expect(metadata.progress.step).toBe(0);
    expect([...model.values()].every(({ data }) => (data as Float32Array).every(Number.isFinite))).toBe(true);
  });

  /** An engine that gives a weight that is not finite, when it is read for the `nth` time. */
  const breaking = (nth: number, value: number) => {
    const engine = new LocalEngine(createReferenceBackend());
    const createStore = engine.createStore.bind(engine);
    engine.createStore = async () => {
      const store = await createStore();
      const read = store.read.bind(store);
      let reads = 0;
      store.read = async (names) => {
        const state = await read(names);
        if (++reads === nth) (state.get('hidden.weight')!.data as Float32Array)[0] = value;
        return state;
      };
      return store;
    };
    return engine;
  };

  it('never reaches a checkpoint: weights that are not finite are not saved', async () => {
    const failing = train(options({ engine: breaking(2, Number.POSITIVE_INFINITY), runFolder: folder }));
    await expect(failing).rejects.toThrow('[step 5] expected a finite hidden.weight, got Infinity');
    expect((await loadCheckpoint(weightsFile(folder, 'last'))).metadata.progress.step).toBe(0);
    await expect(readFile(weightsFile(folder, 'best'))).rejects.toThrow('ENOENT');
  });

  it('names the weights that are on the disk, and none where there are none', async () => {
    const failing = (nth: number) => train(options({ engine: breaking(nth, Number.NaN), runFolder: folder }));
    await expect(failing(1)).rejects.toThrow('[step 0] expected a finite hidden.weight, got NaN. Use a lower learning rate');
    await expect(failing(3)).rejects.toThrow('last.safetensors holds the weights after step 5. Use a lower learning rate');
    expect((await loadCheckpoint(weightsFile(folder, 'last'))).metadata.progress.step).toBe(5);
  });
});
