import { expect, it } from 'vitest';
import { f32, i32, scalar } from '../core/ndarray.ts';
import { EvaluationSums } from './evaluation-sums.ts';

it('leaves out samples whose file is broken, and adds up the others as the engine would', () => {
  const logits = [2, 0, 0, 3, 1000, 0];
  const sums = new EvaluationSums(3, 2, Int32Array.of(0, 0, 1));
  // The engine's own mean counts the broken one as well.
  sums.add(0, { y: f32(logits, [3, 2]), loss: scalar(12345) }, { target: i32([0, 0, 1]), replaced: [1] });
  const { loss, accuracy, skipped } = sums.result();
  // The last one's probability, e⁻¹⁰⁰⁰, is no number of any precision; its logarithm is.
  expect(loss).toBeCloseTo((Math.log(1 + Math.exp(-2)) + 1000) / 2, 9);
  expect(accuracy).toBe(0.5);
  expect(skipped).toEqual([1]);
});
