import { describe, expect, it } from 'vitest';
import { argmax, countCorrect, predictedClasses } from '../core/argmax.ts';
import { classScores, confusionMatrix, softmaxRow, topKAccuracy } from './metrics.ts';

const logits = [0.1, 0.7, 0.2, 3, 1, 2, -1, -1, -5];
const targets = [1, 2, 1];

describe('metrics', () => {
  it('takes the first of equal logits, and never NaN over a number', () => {
    expect(argmax([1, 3, 3])).toBe(1);
    expect(argmax([Number.NaN, -2, -1])).toBe(2);
    expect(argmax([0, Number.NaN, -1])).toBe(0);
  });

  it('counts rows whose highest logit is the target', () => {
    expect([...predictedClasses(logits, 3)]).toEqual([1, 0, 0]);
    expect(countCorrect(logits, targets)).toBe(1);
  });

  it('counts a target among the k highest, the lower class first among equals', () => {
    expect(topKAccuracy(logits, targets, 1)).toBeCloseTo(1 / 3);
    expect(topKAccuracy(logits, targets, 2)).toBe(1);
    expect(topKAccuracy([Number.NaN, 0], [0], 2)).toBe(0);
  });

  it('makes probabilities of logits of any size', () => {
    const p = softmaxRow([1000, 1000 + Math.log(3)]);
    expect(p[0]).toBeCloseTo(0.25, 12);
    expect(p[1]).toBeCloseTo(0.75, 12);
    expect([...softmaxRow([9, 0, 0, 9], 1, 2)]).toEqual([0.5, 0.5]);
  });

  it.each([
    [[0, 3], [0, 1], '[confusion matrix: predictions, row 1] expected a label from 0 to 2, got 3'],
    [[0, 1], [0, -1], '[confusion matrix: targets, row 1] expected a label from 0 to 2, got -1'],
    [[0, 0.5], [0, 1], '[confusion matrix: predictions, row 1] expected a label from 0 to 2, got 0.5'],
    [[0], [0, 1], '[confusion matrix: predictions] expected 2 labels, one for each sample, got 1'],
  ])('makes no confusion matrix of predictions %j for targets %j', (predictions, targets, message) => {
    expect(() => confusionMatrix(predictions, targets, 3)).toThrow(message);
  });

  it('scores each class from the confusion matrix', () => {
    const counts = confusionMatrix([0, 1, 1, 0], [0, 1, 0, 0], 3);
    expect(counts).toEqual([
      [2, 1, 0],
      [0, 1, 0],
      [0, 0, 0],
    ]);
    expect(classScores(counts)).toEqual([
      { precision: 1, recall: 2 / 3, f1: 0.8, support: 3 },
      { precision: 0.5, recall: 1, f1: 2 / 3, support: 1 },
      { precision: 0, recall: 0, f1: 0, support: 0 },
    ]);
  });
});
