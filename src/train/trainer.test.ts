import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StateDict } from '../core/ndarray.ts';
import { Rng } from '../core/rng.ts';
import type { Dataset } from '../data/dataset.ts';
import { LocalEngine } from '../engine/local.ts';
import { createReferenceBackend } from '../engine/reference/backend.ts';
import type { Tensor } from '../graph/tensor.ts';
import { Dropout, Linear } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { flatten, relu } from '../ops/index.ts';
import { loadCheckpoint, weightsFile } from './checkpoint.ts';
import { completeRecipe } from './recipe.ts';
import type { TrainOptions } from './train-options.ts';
import { Trainer, train } from './trainer.ts';

class Tiny extends Module {
  hidden = new Linear(4, 8);
  drop = new Dropout(0.2);
  out = new Linear(8, 2);
  override forward(x: Tensor): Tensor {
    return this.out.forward(this.drop.forward(relu(this.hidden.forward(flatten(x)))));
  }
}

/** Points on two sides of a plane. */
function points(name: string, length: number): Dataset {
  const rng = new Rng(name);
  const data = Float32Array.from({ length: length * 4 }, () => rng.normal());
  return {
    name,
    length,
    classes: ['left', 'right'],
    sampleShape: [1, 2, 2],
    labels: Int32Array.from({ length }, (_, i) => (data[4 * i] + 0.2 * data[4 * i + 1] > 0 ? 1 : 0)),
    read: (indices, into) => {
      for (let n = 0; n < indices.length; n++) into.set(data.subarray(4 * indices[n], 4 * indices[n] + 4), 4 * n);
    },
  };
}

/** The same data set, with a look at what is read. */
const spying = (dataset: Dataset, look: (indices: ArrayLike<number>) => void): Dataset => ({
  ...dataset,
  read: (indices, into) => {
    look(indices);
    return dataset.read(indices, into);
  },
});

/** 17 steps an epoch, the last with 2 samples; evaluations after 5, 10, 15, 17. */
const recipe = { epochs: 2, batchSize: 8, lr: 0.02, evalEvery: 5 };
const [trainSet, testSet] = [points('train', 130), points('test', 60)];
const options = (more: Partial<TrainOptions> = {}): TrainOptions => ({
  engine: new LocalEngine(createReferenceBackend()),
  model: new Tiny(),
  trainSet,
  testSet,
  recipe,
  ...more,
});
const numbers = (state: StateDict) => Object.fromEntries([...state].map(([name, { data }]) => [name, [...(data as Float32Array)]]));

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

describe('resume', () => {
  const finished = async (runFolder: string) => (await loadCheckpoint(weightsFile(runFolder, 'last'))).metadata.progress;
  const withoutTimes = (progress: Awaited<ReturnType<typeof finished>>) => ({
    ...progress,
    seconds: 0,
    trainSeconds: 0,
    windowSeconds: 0,
    history: progress.history.map((row) => ({ ...row, seconds: 0, imagesPerSecond: 0 })),
  });

  it.each([1, 5, 7, 16, 17, 20, 33])('stopped after step %i it goes on with the same bits as never stopped', async (stop) => {
    const whole = await train(options({ runFolder: path.join(folder, 'whole') }));
    const controller = new AbortController();
    const runFolder = path.join(folder, 'stopped');
    const onStep: TrainOptions['onStep'] = ({ step }) => step === stop && controller.abort();
    const first = await train(options({ runFolder, signal: controller.signal, onStep }));
    expect(first.interrupted).toBe(true);
    // One more step was on its way when the signal came.
    expect(first.progress.step - stop).toBeLessThanOrEqual(1);
    const resume = await loadCheckpoint(weightsFile(runFolder, 'last'));
    expect(resume.metadata.progress).toEqual(first.progress);
    const second = await train(options({ runFolder, resume }));
    expect(numbers(second.state)).toEqual(numbers(whole.state));
    expect(withoutTimes(second.progress)).toEqual(withoutTimes(whole.progress));
    const [a, b] = await Promise.all(['whole', 'stopped'].map((name) => loadCheckpoint(weightsFile(path.join(folder, name), 'last'))));
    expect(numbers(b.optimizer)).toEqual(numbers(a.optimizer));
    const [c, d] = await Promise.all(['whole', 'stopped'].map((name) => loadCheckpoint(weightsFile(path.join(folder, name), 'best'))));
    expect(numbers(d.model)).toEqual(numbers(c.model));
  });

  it('stopped while it evaluates, it evaluates again', async () => {
    // Two batches of test images: the signal comes in the first.
    const large = points('test', 1100);
    const whole = await train(options({ testSet: large }));
    const controller = new AbortController();
    const aborting = spying(large, () => controller.abort());
    const first = await train(options({ runFolder: folder, signal: controller.signal, testSet: aborting }));
    expect(first.progress.history).toEqual([]);
    const resume = await loadCheckpoint(weightsFile(folder, 'last'));
    const second = await train(options({ runFolder: folder, resume, testSet: large }));
    expect(first.interrupted).toBe(true);
    expect(withoutTimes(second.progress)).toEqual(withoutTimes(whole.progress));
  });

  it('has results where the signal comes after the last step, while the best weights are evaluated', async () => {
    // Nothing gets better than the first evaluation, so the run goes back to its weights.
    const still = completeRecipe({ ...recipe, lr: 1e-12, restoreBest: true });
    const controller = new AbortController();
    const onEvaluate: TrainOptions['onEvaluate'] = ({ step }) => step === 34 && controller.abort();
    const ended = await train(options({ recipe: still, signal: controller.signal, onEvaluate }));
    expect(controller.signal.aborted).toBe(true);
    expect(ended.progress.best!.step).toBe(5);
    expect(ended.interrupted).toBe(false);
    expect(ended.evaluation!.accuracy).toBe(ended.progress.best!.testAccuracy);
  });

  it('refuses another recipe, on which its bits would depend', async () => {
    const controller = new AbortController();
    await train(options({ runFolder: folder, signal: controller.signal, onStep: ({ step }) => step === 3 && controller.abort() }));
    const resume = await loadCheckpoint(weightsFile(folder, 'last'));
    await expect(train(options({ resume, recipe: { ...recipe, batchSize: 50 } }))).rejects.toThrow(
      '[batchSize] expected what the run has, 8, got 50. A run that goes on can change these alone: data, ',
    );
  });

  it('of a finished run trains nothing and evaluates', async () => {
    const whole = await train(options({ runFolder: folder }));
    const resume = await loadCheckpoint(weightsFile(folder, 'last'));
    const again = await train(options({ runFolder: folder, resume }));
    expect(again.evaluation!.accuracy).toBe(whole.evaluation!.accuracy);
    expect(again.progress.step).toBe(34);
  });

  it('goes on beyond the epochs of before', async () => {
    await train(options({ runFolder: folder }));
    const resume = await loadCheckpoint(weightsFile(folder, 'last'));
    const more = await train(options({ runFolder: folder, resume, recipe: { ...recipe, epochs: 3 } }));
    const whole = await train(options({ recipe: { ...recipe, epochs: 3 } }));
    expect(numbers(more.state)).toEqual(numbers(whole.state));
  });

  it('refuses fewer epochs than are done or begun, saying how many those are', async () => {
    await train(options({ runFolder: folder }));
    const resume = await loadCheckpoint(weightsFile(folder, 'last'));
    const refused = (epochs: number) => Trainer.open(options({ resume, recipe: { ...recipe, epochs } }));
    await expect(refused(1)).rejects.toMatchObject({
      name: 'UsageError',
      message: '[epochs] expected an integer from 2: 2 epochs are done, got 1.',
    });
    Object.assign(resume.metadata.progress, { epoch: 1, batch: 3 });
    await expect(refused(1)).rejects.toThrow('expected an integer from 2: 1 epoch is done and the next has begun, got 1');
  });

  describe('whose best weights are lost', () => {
    // Nothing gets better than the first evaluation.
    const still = completeRecipe({ ...recipe, lr: 1e-12, evalEvery: 0, restoreBest: true });
    const best = () => weightsFile(folder, 'best');
    const damage = async () => writeFile(best(), (await readFile(best())).subarray(0, -4));
    const resumed = async (notes: string[], more: Partial<TrainOptions> = {}) =>
      train(
        options({
          recipe: { ...still, epochs: 3 },
          runFolder: folder,
          resume: await loadCheckpoint(weightsFile(folder, 'last')),
          onNote: (text) => notes.push(text),
          ...more,
        }),
      );

    it.each([
      ['missing', () => rm(best())],
      ['damaged', damage],
    ])('as their file is %s says so before it trains, and keeps the best of what is left', async (problem, lose) => {
      await train(options({ recipe: still, runFolder: folder }));
      await lose();
      const notes: string[] = [];
      const { progress, evaluation } = await resumed(notes, { onStep: () => expect(notes).toHaveLength(1) });
      expect(notes).toEqual([
        `${best()} is ${problem}: the best weights so far, of epoch 1, are lost. The best of those from now on are kept instead`,
      ]);
      expect(progress.best).toMatchObject({ epoch: 2, step: 34 });
      expect(evaluation!.accuracy).toBe(progress.best!.testAccuracy);
      const kept = await loadCheckpoint(best());
      expect(kept.metadata.progress).toMatchObject({ step: 34, best: progress.best });
    });

    it('takes the next evaluation for the best where the weights of now have none', async () => {
      const controller = new AbortController();
      const onStep: TrainOptions['onStep'] = ({ step }) => step === 20 && controller.abort();
      await train(options({ recipe: still, runFolder: folder, signal: controller.signal, onStep }));
      await rm(best());
      const { progress } = await resumed([]);
      expect(progress.best).toMatchObject({ epoch: 2, step: 34 });
      expect((await loadCheckpoint(best())).metadata.progress.step).toBe(34);
    });

    it('while it trains ends with the last ones and a note', async () => {
      const notes: string[] = [];
      const onCheckpoint: TrainOptions['onCheckpoint'] = (_, { step }) => (step === 17 ? rm(best()) : undefined);
      const { progress, evaluation } = await train(
        options({ recipe: still, runFolder: folder, onCheckpoint, onNote: (text) => notes.push(text) }),
      );
      expect(notes).toEqual([expect.stringContaining('best.safetensors is missing')]);
      expect(progress.best).toMatchObject({ epoch: 2, step: 34 });
      expect(evaluation!.accuracy).toBe(progress.best!.testAccuracy);
      for (const name of ['best', 'last'] as const)
        expect((await loadCheckpoint(weightsFile(folder, name))).metadata.progress.best).toEqual(progress.best);
    });
  });

  it('refuses other weights, other data, and a file without the optimizer', async () => {
    await train(options({ runFolder: folder }));
    const resume = await loadCheckpoint(weightsFile(folder, 'last'));
    const best = await loadCheckpoint(weightsFile(folder, 'best'));
    class Other extends Module {
      hidden = new Linear(4, 9);
      override forward(x: Tensor): Tensor {
        return this.hidden.forward(flatten(x));
      }
    }
    await expect(Trainer.open(options({ resume, model: new Other() }))).rejects.toThrow('expected hidden.weight [9,4], got [8,4]');
    const trainSet = points('train', 130);
    const renamed = { ...trainSet, classes: ['other', ...trainSet.classes.slice(1)] };
    await expect(Trainer.open(options({ resume, trainSet: renamed }))).rejects.toThrow(
      /classes it was trained on, got 'other' is new, '.+' is gone/,
    );
    const turned = { ...trainSet, classes: trainSet.classes.toReversed() };
    await expect(Trainer.open(options({ resume, trainSet: turned }))).rejects.toThrow('got the same in another order');
    await expect(Trainer.open(options({ resume, trainSet: points('train', 131) }))).rejects.toThrow('expected the 130 training images');
    await expect(Trainer.open(options({ resume: best }))).rejects.toThrow('Resume from last.safetensors');
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
