import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Tensor } from '../graph/tensor.ts';
import { Linear } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { flatten } from '../ops/index.ts';
import { loadCheckpoint } from './checkpoint.ts';
import { numbers, options, points, recipe, spying } from './points.fixture.ts';
import { completeRecipe } from './recipe.ts';
import type { TrainOptions } from './train-options.ts';
import { Trainer, train } from './trainer.ts';
import { weightsFile } from './weights-files.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-train-'));
});
afterEach(() => rm(folder, { recursive: true }));

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
