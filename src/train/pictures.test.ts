import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { StateDict } from '../core/ndarray.ts';
import { Rng } from '../core/rng.ts';
import { LocalEngine } from '../engine/local.ts';
import { createReferenceBackend } from '../engine/reference/backend.ts';
import { loadCheckpoint } from './checkpoint.ts';
import { loadDataSet, type Splits } from './data-sets.ts';
import { softmaxRow } from './metrics.ts';
import { completeRecipe, type RecipeInput } from './recipe.ts';
import { openRecognizer, recognise } from './recognizer.ts';
import type { TrainOptions } from './train-options.ts';
import { Trainer, train } from './trainer.ts';
import { weightsFile } from './weights-files.ts';

const colours = { blue: [30, 40, 220], green: [40, 190, 60], red: [220, 40, 30] } as const;
const engine = new LocalEngine(createReferenceBackend());

let data: string;
let folder: string;
beforeAll(async () => {
  data = await mkdtemp(path.join(tmpdir(), 'fovea-colours-'));
  const rng = new Rng('pictures');
  for (const [part, count] of Object.entries({ train: 7, val: 3 }))
    for (const [name, colour] of Object.entries(colours)) {
      await mkdir(path.join(data, part, name), { recursive: true });
      for (let i = 0; i < count; i++) {
        const pixels = Uint8Array.from({ length: 40 * 34 * 3 }, (_, p) => Math.min(255, Math.max(0, colour[p % 3] + 60 * rng.normal())));
        await sharp(pixels, { raw: { width: 40, height: 34, channels: 3 } }).toFile(path.join(data, part, name, `${name} ${i}.png`));
      }
    }
});
afterAll(() => rm(data, { recursive: true }));
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-pictures-'));
});
afterEach(() => rm(folder, { recursive: true }));

const small = { model: 'course-cnn', epochs: 3, batchSize: 4, workers: 0, lr: 3e-3 };
const recipeOf = (more: RecipeInput = {}) => completeRecipe({ data, ...small, ...more });
async function optionsOf(more: RecipeInput = {}, others: Partial<TrainOptions> = {}): Promise<TrainOptions & { splits: Splits }> {
  const recipe = recipeOf(more);
  const splits = await loadDataSet(recipe);
  return { splits, trainSet: splits.train, testSet: splits.test, names: splits.names, recipe, engine, ...others };
}
const numbers = (state: StateDict) =>
  Object.fromEntries([...state].map(([name, { data: values }]) => [name, [...(values as Float32Array)]]));

describe('a folder of pictures', () => {
  it('has defaults of its own', () => {
    expect(completeRecipe({ data })).toMatchObject({
      model: 'squeezenet1_0',
      weights: 'imagenet',
      freeze: 'backbone',
      transforms: 'standard',
      epochs: 15,
      lr: 3e-3,
      evalEvery: 0,
      restoreBest: true,
    });
    expect(completeRecipe({ data, unfreezeEpoch: 5 })).toMatchObject({ epochs: 10, lr: 1e-3, backboneLr: 1e-4 });
    expect(completeRecipe({ data, freeze: '3' })).toMatchObject({ epochs: 10, lr: 1e-3, backboneLr: 1e-4 });
    expect(completeRecipe({ data, freeze: 'none', lr: 0.01 }).backboneLr).toBeCloseTo(0.001, 9);
    expect(completeRecipe({ data, model: 'course-cnn' })).toMatchObject({ weights: 'none', freeze: 'none' });
    expect(completeRecipe({ data: 'mnist' }).restoreBest).toBe(false);
  });

  it('limits to pictures of all classes, at the size of the network', async () => {
    const { train: trainSet, test, report } = await loadDataSet(recipeOf({ limit: 6 }));
    expect([...trainSet.labels]).toEqual([0, 0, 1, 1, 2, 2]);
    expect(test.length).toBe(6);
    expect(trainSet.sampleShape).toEqual([3, 28, 28]);
    expect(report!.lines).toContain('found 21 images in 3 classes to train with');
    const whole = (await loadDataSet(recipeOf())).train;
    const [a, b] = [new Float32Array(3 * 784), new Float32Array(3 * 784)];
    await trainSet.read([2], a, 1);
    await whole.read([7], b, 1);
    expect(trainSet.pictures!.files[2]).toBe(whole.pictures!.files[7]);
    expect(a).not.toEqual(new Float32Array(3 * 784));
    expect(b.length).toBe(a.length);
  });

  it('is learned, ends with the best weights, and a run carries all it takes to use them', async () => {
    const { splits, ...options } = await optionsOf({ epochs: 4 }, { runFolder: folder });
    const { progress, evaluation, state } = await train(options);
    expect(progress.history.map(({ epoch, images }) => [epoch, images])).toEqual([1, 2, 3, 4].map((epoch) => [epoch, 21]));
    expect(evaluation!.accuracy).toBe(Math.max(...progress.history.map((row) => row.testAccuracy)));
    expect(evaluation!.accuracy).toBeGreaterThan(0.9);
    const recognizer = await openRecognizer(folder);
    expect(recognizer.classes).toEqual(['blue', 'green', 'red']);
    expect(numbers(recognizer.state)).toEqual(numbers(state));
    const results = await recognise({ recognizer, files: splits.test.pictures!.files, engine, workers: 0 });
    for (const [row, result] of results.entries()) {
      const probabilities = softmaxRow(evaluation!.logits, 3 * row, 3);
      if (!('guesses' in result)) throw new Error(result.problem);
      for (const { classIndex, prob } of result.guesses) expect(prob).toBeCloseTo(probabilities[classIndex], 6);
    }
  });

  it('restores the best weights also without a run folder', async () => {
    const { splits, ...options } = await optionsOf({ epochs: 6, lr: 0.02 });
    const { progress, evaluation } = await train(options);
    expect(evaluation!.accuracy).toBe(progress.best!.testAccuracy);
  });

  it('leaves out of the figures what cannot be read', async () => {
    const bad = path.join(data, 'val', 'green', 'damaged.png');
    const good = await sharp({ create: { width: 9, height: 9, channels: 3, background: 'green' } })
      .png()
      .toBuffer();
    await writeFile(bad, Buffer.concat([good.subarray(0, 41), Buffer.alloc(9), good.subarray(-12)]));
    try {
      const { splits, ...options } = await optionsOf({ epochs: 1 }, { runFolder: folder });
      expect(splits.test.length).toBe(10);
      const trainer = await Trainer.open(options);
      const { evaluation } = await trainer.run();
      expect(trainer.broken.map(({ file }) => file)).toEqual([bad]);
      await trainer.close();
      expect(evaluation!.skipped).toEqual([splits.test.pictures!.files.indexOf(bad)]);
      expect((9 * evaluation!.accuracy) % 1).toBeCloseTo(0, 9);
      const [guess] = await recognise({ recognizer: await openRecognizer(folder), files: [bad], engine, workers: 0 });
      expect(guess).toMatchObject({ file: bad, problem: expect.any(String) });
      await expect(
        Trainer.open((await optionsOf({ strict: true })) as TrainOptions).then((strict) => strict.run().finally(() => strict.close())),
      ).rejects.toThrow('damaged.png');
    } finally {
      await rm(bad);
    }
  });

  it('stops when nothing gets better for so many epochs, and says so', async () => {
    const notes: string[] = [];
    const { splits, ...options } = await optionsOf({ epochs: 30, lr: 1e-9, patience: 2 }, { onNote: (text) => notes.push(text) });
    const { progress, interrupted } = await train(options);
    expect(progress.epoch).toBe(3);
    expect(interrupted).toBe(false);
    expect(notes).toEqual(['ended after epoch 3: no higher accuracy for 2 epochs; the best is epoch 3']);
  });
});

describe('freezing', () => {
  const frozenKeys = ['conv1.0.weight', 'conv1.0.bias', 'conv2.0.weight', 'conv2.0.bias'];

  it('leaves the backbone as it was, and trains it from the epoch in which it is unfrozen', async () => {
    const run = async (more: RecipeInput) => {
      const { splits, ...options } = await optionsOf({ epochs: 2, ...more });
      const trainer = await Trainer.open(options);
      try {
        const { state } = await trainer.run();
        return { keys: trainer.trainedKeys, state: numbers(state) };
      } finally {
        await trainer.close();
      }
    };
    const start = numbers((await train({ ...(await optionsOf({ epochs: 1, lr: 1e-30 })) })).state);
    const head = await run({ freeze: 'backbone' });
    expect(head.keys).toEqual(['out.weight', 'out.bias']);
    for (const key of frozenKeys) expect(head.state[key]).toEqual(start[key]);
    expect(head.state['out.weight']).not.toEqual(start['out.weight']);
    const some = await run({ freeze: '1' });
    expect(some.keys).toEqual(['conv2.0.weight', 'conv2.0.bias', 'out.weight', 'out.bias']);
    for (const key of frozenKeys.slice(0, 2)) expect(some.state[key]).toEqual(start[key]);
    const thawed = await run({ freeze: 'backbone', unfreezeEpoch: 2, restoreBest: false });
    for (const key of frozenKeys) expect(thawed.state[key]).not.toEqual(start[key]);
  });

  it('gives the backbone a rate of its own', async () => {
    const run = async (more: RecipeInput) => numbers((await train(await optionsOf({ epochs: 1, restoreBest: false, ...more }))).state);
    const [slow, fast, start] = [await run({ backboneLr: 1e-12 }), await run({}), await run({ lr: 1e-30 })];
    const moved = (state: Record<string, number[]>, key: string) => Math.max(...state[key].map((v, i) => Math.abs(v - start[key][i])));
    expect(moved(slow, 'conv1.0.weight')).toBeLessThan(1e-6);
    expect(moved(fast, 'conv1.0.weight')).toBeGreaterThan(1e-3);
    expect(moved(slow, 'out.weight')).toBeGreaterThan(1e-3);
  });

  it('computes features once where pictures are not augmented, with the same result', async () => {
    const notes: string[] = [];
    const { splits, ...options } = await optionsOf({ freeze: 'backbone', transforms: 'none' }, { onNote: (text) => notes.push(text) });
    let reads = 0;
    const kept = await train(options);
    expect(notes).toEqual(['features of 21 training pictures computed once and kept (1 MiB)']);
    const { pictures, ...plain } = splits.train;
    const anew = await train({
      ...options,
      trainSet: {
        ...plain,
        read: (indices, into, epoch) => {
          reads++;
          return splits.train.read(indices, into, epoch);
        },
      },
    });
    expect(reads).toBe(3 * 6);
    const [a, b] = [numbers(kept.state), numbers(anew.state)];
    for (const key of Object.keys(a)) for (const [i, value] of a[key].entries()) expect(value).toBeCloseTo(b[key][i], 5);
  });

  it.each([
    ['with augmented pictures', {}],
    ['with kept features', { transforms: 'none', freeze: 'backbone' }],
    ['with layers that join in epoch 2', { freeze: 'backbone', unfreezeEpoch: 2 }],
  ] as const)('%s: stopped anywhere and resumed, the bits are those of a run that never stopped', async (_, more) => {
    const { splits, ...options } = await optionsOf({ ...more, restoreBest: false });
    const whole = numbers((await train(options)).state);
    for (const stop of [2, 6, 9]) {
      const controller = new AbortController();
      const runFolder = path.join(folder, `${stop}`);
      await train({ ...options, runFolder, signal: controller.signal, onStep: ({ step }) => step === stop && controller.abort() });
      const resume = await loadCheckpoint(weightsFile(runFolder, 'last'));
      expect(resume.metadata.progress.step).toBeLessThanOrEqual(stop + 1);
      expect(numbers((await train({ ...options, runFolder, resume })).state)).toEqual(whole);
    }
  });
});
