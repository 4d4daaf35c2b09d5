import { describe, expect, it } from 'vitest';
import type { Dataset } from '../data/dataset.ts';
import { createModel, findModel } from '../models/index.ts';
import { putHiddenLayer } from './hidden-layer.ts';
import { ownLearner } from './learner.ts';
import { type LrTrial, ratesBetween, suggestRate } from './lr-find.ts';
import { networkOf } from './model-facts.ts';
import { phaseAt, phasesOf, ratesAt } from './phases.ts';
import { classWeights } from './plan-steps.ts';
import { initialProgress, isOutOfPatience } from './progress.ts';
import { completeRecipe } from './recipe.ts';

describe('phases', () => {
  const recipe = completeRecipe({ data: 'x', freeze: 'backbone', unfreezeEpoch: 3, lr: 0.01, epochs: 4, schedule: 'constant' });
  const learner = {
    ...ownLearner(createModel('course-cnn', { classes: 2 }), { seed: 0, resuming: false }),
    trains: (p: string) => p.startsWith('out'),
    isHead: (p: string) => p.startsWith('out'),
  };

  it('let frozen layers join in the epoch told, in a group that counts its own steps', () => {
    expect([0, 1, 2, 3].map((epoch) => phaseAt(recipe, epoch))).toEqual([0, 0, 1, 1]);
    const [first, second] = phasesOf(recipe, learner);
    expect([first.trains('conv1.0.weight'), second.trains('conv1.0.weight')]).toEqual([false, true]);
    expect([first.group('out.weight'), second.group('conv1.0.weight')]).toEqual([undefined, 'thawed']);
    const rates = ratesAt(recipe, { epoch: 2, step: 20, stepsPerEpoch: 10 }, 1);
    expect(rates).toMatchObject({ lr: 0.01, step: 21, 'step.thawed': 1 });
    expect(rates['lr.thawed']).toBeCloseTo(0.001, 12);
  });

  it('know that frozen batch norm changes where it goes on averaging', () => {
    const [running] = phasesOf(recipe, learner);
    const [train] = phasesOf({ ...recipe, frozenBn: 'train' }, learner);
    expect([running.changes('bn.running_mean'), train.changes('bn.running_mean')]).toEqual([false, true]);
    expect(train.changes('bn.weight')).toBe(false);
  });

  it('move by the course’s schedule: times 0.1 every 7 epochs', () => {
    const course = completeRecipe({ data: 'x', schedule: 'step', gamma: 0.1, lr: 1e-3, epochs: 15 });
    const at = (epoch: number) => ratesAt(course, { epoch, step: 0, stepsPerEpoch: 1 }, 1).lr;
    expect([at(6), at(7), at(13), at(14)]).toEqual([1e-3, 1e-3 * 0.1, 1e-3 * 0.1, 1e-3 * 0.1 ** 2]);
  });
});

describe('a hidden layer', () => {
  it('stands before the classes, and a checkpoint’s facts make it again', () => {
    const module = putHiddenLayer(createModel('resnet18', { classes: 5 }), findModel('resnet18'), 5, 7);
    const shapes = [...module.parameters()].filter(([key]) => key.startsWith('fc')).map(([key, { shape }]) => [key, shape]);
    expect(shapes).toEqual([
      ['fc.0.weight', [7, 512]],
      ['fc.0.bias', [7]],
      ['fc.3.weight', [5, 7]],
      ['fc.3.bias', [5]],
    ]);
    expect((module as unknown as { fc: { parts: { prob?: number }[] } }).fc.parts[2].prob).toBe(0.2);
    const again = networkOf({ model: 'vgg11', classes: ['a', 'b'], sampleShape: [3, 224, 224], options: { hiddenUnits: 9 } });
    expect(again.parameters().get('classifier.6.3.weight')!.shape).toEqual([2, 9]);
  });

  it('is refused where the network does not end in a linear layer', () => {
    const act = () => putHiddenLayer(createModel('squeezenet1_0', { classes: 5 }), findModel('squeezenet1_0'), 5, 7);
    expect(act).toThrow('got squeezenet1_0, whose classifier.1 is none');
  });
});

describe('class weights', () => {
  it('make every class count the same', () => {
    const dataset = { labels: Int32Array.of(0, 0, 0, 1), classes: ['a', 'b', 'c'] } as unknown as Dataset;
    const weights = classWeights(dataset);
    expect(3 * weights[0]).toBeCloseTo(weights[1], 12);
    expect(weights[2]).toBe(1);
  });
});

describe('patience', () => {
  it('counts epochs since the best evaluation', () => {
    const progress = { ...initialProgress(), epoch: 5, best: { epoch: 3, step: 30, testAccuracy: 0.5 } };
    expect([1, 2, 3, undefined].map((patience) => isOutOfPatience(progress, patience))).toEqual([true, true, false, false]);
    expect(isOutOfPatience({ ...progress, batch: 1 }, 2)).toBe(false);
  });
});

describe('the search for a learning rate', () => {
  it('tries rates evenly by their logarithms', () => {
    const rates = ratesBetween(1e-4, 1, 5);
    for (const [i, rate] of [1e-4, 1e-3, 1e-2, 1e-1, 1].entries()) expect(rates[i]).toBeCloseTo(rate, 12);
  });

  it('suggests the middle of the slope, also where the loss never rises again, and nothing if it never falls', () => {
    const trials: LrTrial[] = ratesBetween(1e-5, 1, 51).map((lr) => ({ lr, loss: 0, smoothed: Math.abs(Math.log10(lr) + 2) }));
    for (const tried of [51, 31]) expect(Math.log10(suggestRate(trials.slice(0, tried))!)).toBeCloseTo(-3.2, 9);
    expect(suggestRate(trials.map((trial, i) => ({ ...trial, smoothed: i })))).toBeUndefined();
  });
});
