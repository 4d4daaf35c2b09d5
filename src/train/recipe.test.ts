import { describe, expect, it } from 'vitest';
import { completeRecipe, meaningOf, optimizerOf, parseRecipe, type RecipeField, recipeFields, scheduleOf } from './recipe.ts';
import { refuseIdle } from './recipe-conditions.ts';

describe('completeRecipe', () => {
  it('fills in what the course uses', () => {
    const { epochs, batchSize, lr, optimizer, schedule, seed, engine, evalEvery, model } = completeRecipe({});
    expect({ epochs, batchSize, lr, optimizer, schedule, seed, engine, evalEvery, model }).toEqual({
      epochs: 3,
      batchSize: 64,
      lr: 1e-3,
      optimizer: 'adam',
      schedule: 'constant',
      seed: 0,
      engine: 'auto',
      evalEvery: 100,
      model: 'course-cnn',
    });
  });

  it.each([
    [{ epochs: 0 }, '[epochs] expected an integer from 1, got 0.'],
    [{ batchSize: 6.5 }, '[batchSize] expected an integer from 1, got 6.5.'],
    [{ lr: 'fast' }, "[lr] expected a number above 0, got 'fast'."],
    [{ lr: Number.NaN }, '[lr] expected a number above 0, got NaN.'],
    [{ optimizer: 'adm' }, "[optimizer] expected adam, adamw or sgd, got 'adm'. Did you mean 'adam'?"],
    [{ epoch: 3 }, "[recipe] expected known fields, got 'epoch'. Did you mean 'epochs'?"],
    [{ momentum: 0.9 }, "[momentum] expected optimizer sgd, got adam. Adam's decays are beta1 and beta2."],
    [{ optimizer: 'sgd', nesterov: true }, '[nesterov] expected optimizer sgd with a momentum, got sgd, momentum 0.'],
    [{ data: 'pets', weights: 'none', unfreezeEpoch: 3 }, '[unfreezeEpoch] expected something frozen before (freeze), got nothing frozen.'],
    [{ threads: 0 }, '[threads] expected an integer from 1 to 1024, got 0.'],
  ])('refuses %j, naming field, range and value', (given, message) => {
    expect(() => parseRecipe(given)).toThrow(expect.objectContaining({ name: 'UsageError', message }));
  });

  it('takes what is undefined for left out, also where a folder has its own defaults', () => {
    const folder = { data: 'pets' };
    const nothing = { model: undefined, epochs: undefined, freeze: undefined, lr: undefined, weights: undefined, backboneLr: undefined };
    expect(completeRecipe({ ...folder, ...nothing })).toEqual(completeRecipe(folder));
    expect(completeRecipe({ ...folder, model: 'resnet18', freeze: undefined })).toMatchObject({ freeze: 'backbone', lr: 3e-3 });
  });

  it('calls a field what the caller calls it', () => {
    expect(() => completeRecipe({ lr: -1 }, (field) => `--${field}`)).toThrow('[--lr] expected');
  });

  it('has a meaning for every field', () => {
    for (const field of recipeFields) expect(meaningOf(field)).toMatchObject({ doc: expect.any(String), allowed: expect.any(String) });
  });
});

describe('refuseIdle', () => {
  const data = 'pets';
  it.each([
    [{ transforms: 'course' }, '[transforms] expected a folder of pictures, got mnist.'],
    [{ data, dataDir: 'x' }, '[dataDir] expected mnist, got the folder pets.'],
    [{ optimizer: 'sgd', beta1: 0.8 }, '[beta1] expected optimizer adam or adamw, got sgd.'],
    [{ schedule: 'cosine', gamma: 3 }, '[gamma] expected schedule step, got cosine.'],
    [{ stepSizeEpochs: 3 }, '[stepSizeEpochs] expected schedule step, got constant.'],
    [{ schedule: 'step', minLr: 0.1 }, '[minLr] expected schedule cosine, got step.'],
    [{ schedule: 'cosine', minLr: 0.5 }, '[minLr] expected at most 0.001, the lr, got 0.5.'],
    [
      { data, backboneLr: 0.1 },
      '[backboneLr] expected a backbone that trains: freeze none or a number, or unfreezeEpoch, got a frozen one.',
    ],
    [{ data, freeze: 'none', frozenBn: 'train' }, '[frozenBn] expected something frozen (freeze), got nothing frozen.'],
    [{ data, freeze: 'backbone', frozenBn: 'train' }, '[frozenBn] expected a network with batch norm, got squeezenet1_0.'],
    [{ data, model: 'alexnet', imageSize: 16 }, '[imageSize] expected a side that alexnet can take, such as 224, got 16.'],
    [{ data, unfreezeEpoch: 3, epochs: 1 }, '[unfreezeEpoch] expected an epoch up to 1 (epochs), got 3.'],
  ])('%j', (given, message) => {
    expect(() => refuseIdle(parseRecipe(given), Object.keys(given) as RecipeField[])).toThrow(
      expect.objectContaining({ name: 'UsageError', message }),
    );
  });

  it('lets pass what does something, and what was only filled in', () => {
    for (const given of [
      { data },
      { data, transforms: 'none', workers: 2 },
      { schedule: 'cosine', minLr: 1e-4 },
      { data, freeze: '2', backboneLr: 0.1 },
      { data, model: 'resnet18', frozenBn: 'train', imageSize: 32 },
    ])
      refuseIdle(parseRecipe(given), Object.keys(given) as RecipeField[]);
  });
});

describe('specs of a recipe', () => {
  it('gives an optimizer only its own options', () => {
    expect(optimizerOf(completeRecipe({ optimizer: 'sgd', momentum: 0.9, lr: 0.1 }))).toEqual({
      kind: 'sgd',
      momentum: 0.9,
      nesterov: false,
    });
    expect(optimizerOf(completeRecipe({ weightDecay: 0.1, maxGradNorm: 1 }))).toEqual({
      kind: 'adam',
      betas: [0.9, 0.999],
      eps: 1e-8,
      weightDecay: 0.1,
      maxGradNorm: 1,
    });
  });

  it('puts a warm-up before the schedule', () => {
    expect(scheduleOf(completeRecipe({ schedule: 'step', stepSizeEpochs: 4, warmupSteps: 10 }))).toEqual({
      kind: 'warmup',
      warmupSteps: 10,
      schedule: { kind: 'step', stepSizeEpochs: 4, gamma: 0.1 },
    });
    expect(scheduleOf(completeRecipe({ schedule: 'cosine', minLr: 1e-5 }))).toEqual({ kind: 'cosine', minLr: 1e-5 });
  });
});
