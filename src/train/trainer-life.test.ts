import { describe, expect, it } from 'vitest';
import { f32 } from '../core/ndarray.ts';
import { createModel } from '../models/index.ts';
import { initialState } from '../nn/module.ts';
import { options, points, recipe, Tiny, testSet, trainSet, watchedEngine } from './points.fixture.ts';
import { Trainer, train } from './trainer.ts';

describe('a network of one’s own', () => {
  it('begins with the numbers given, and trains what is chosen', async () => {
    const model = new Tiny();
    const state = initialState(model, 77);
    const { state: after } = await train(options({ model, state, trains: (key) => key.startsWith('out.') }));
    expect(after.get('hidden.weight')!.data).toEqual(state.get('hidden.weight')!.data);
    expect(after.get('out.weight')!.data).not.toEqual(state.get('out.weight')!.data);
  });

  it('refuses numbers of another network, and numbers and choices without a network', async () => {
    const state = new Map([['hidden.weight', f32([1], [1])]]);
    await expect(train(options({ state }))).rejects.toThrow('[state] expected hidden.weight [8,4], got [1].');
    await expect(train(options({ model: undefined, state }))).rejects.toThrow('[state] expected a network of your own');
    await expect(train(options({ model: undefined, trains: () => true }))).rejects.toThrow('[trains] expected a network of your own');
  });

  it('is recorded by the name that makes it again, and not with what a folder of pictures would be given', async () => {
    const model = createModel('course-cnn', { classes: 2 });
    const digits = { ...points('digits', 16), sampleShape: [1, 28, 28] };
    const sets = { trainSet: { ...digits, read: () => {} }, testSet: { ...digits, read: () => {} } };
    const folder = { data: '/pictures', epochs: 1, batchSize: 16 };
    const { recipe: kept } = await train(options({ model, ...sets, recipe: folder }));
    expect(kept).toMatchObject({ model: 'course-cnn', weights: 'none', freeze: 'none', lr: 1e-3 });
    expect((await train(options({ recipe: { ...recipe, epochs: 1 } }))).recipe.model).toBe('Tiny');
  });
});

describe('what a run tells', () => {
  it.each(['onStep', 'onEvaluate', 'onEpoch'] as const)('is waited for, and its failure ends the run: %s', async (event) => {
    let waiting = 0;
    let most = 0;
    const slow = async () => {
      most = Math.max(most, ++waiting);
      await new Promise((resolve) => setTimeout(resolve, 1));
      waiting--;
    };
    await train(options({ [event]: slow }));
    expect([waiting, most]).toEqual([0, 1]);
    const failing = async () => {
      throw new Error('disk full');
    };
    await expect(train(options({ [event]: failing }))).rejects.toThrow('disk full');
  });
});

describe('a trainer', () => {
  it('runs once at a time', async () => {
    const trainer = await Trainer.open(options());
    const running = trainer.run();
    await expect(trainer.run()).rejects.toThrow('[run] expected a trainer that is open and idle, got one that runs.');
    expect((await running).interrupted).toBe(false);
    await trainer.close();
  });

  it('that is closed ends its run after the step under way, and runs no more', async () => {
    const trainer: Trainer = await Trainer.open(
      options({ onStep: ({ step }) => step === 9 && void Promise.all([trainer.close(), trainer.close()]) }),
    );
    const { interrupted, progress } = await trainer.run();
    expect([interrupted, progress.step]).toEqual([true, 10]);
    await expect(trainer.run()).rejects.toThrow('got a closed one');
    await trainer.close();
  });

  it('leaves nothing open in an engine that is given where it cannot begin', async () => {
    const { engine, open } = watchedEngine();
    const third = (set: typeof trainSet) => ({ ...set, classes: [...set.classes, 'third'] });
    await expect(train(options({ engine, trainSet: third(trainSet), testSet: third(testSet) }))).rejects.toThrow('a network with 3 scores');
    expect(open()).toBe(0);
  });

  it('names a sample that is not finite before it trains on it', async () => {
    const torn = {
      ...trainSet,
      read: (indices: ArrayLike<number>, into: Float32Array) => {
        trainSet.read(indices as Uint32Array, into);
        for (let n = 0; n < indices.length; n++) if (indices[n] === 99) into[4 * n + 2] = Number.NaN;
      },
    };
    await expect(train(options({ trainSet: torn }))).rejects.toThrow('[train, sample 99] expected finite numbers, got NaN.');
    await expect(train(options({ testSet: { ...testSet, length: 0 } }))).rejects.toThrow('[test] expected samples, got none');
  });
});
