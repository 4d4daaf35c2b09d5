import { describe, expect, it } from 'vitest';
import { UsageError } from '../core/errors.ts';
import { Rng } from '../core/rng.ts';
import { sizeOf } from '../core/shape.ts';
import { constant, kaimingNormal, kaimingUniform, normal, torchDefault, truncatedNormal, xavierUniform } from './init.ts';
import type { Init } from './module.ts';

const shape = [64, 32, 3, 3];
const draw = (init: Init): Float32Array => {
  const data = new Float32Array(sizeOf(shape));
  init(data, shape, new Rng(1));
  return data;
};
const stdOf = (x: Float32Array): number => {
  const mean = x.reduce((a, b) => a + b, 0) / x.length;
  return Math.sqrt(x.reduce((sum, v) => sum + (v - mean) ** 2, 0) / x.length);
};

describe('initial values', () => {
  it.each<[string, Init, number]>([
    ['torchDefault', torchDefault(), 1 / Math.sqrt(288) / Math.sqrt(3)],
    ['kaimingNormal', kaimingNormal(), Math.sqrt(2 / 288)],
    ['kaimingNormal fanOut', kaimingNormal('fanOut'), Math.sqrt(2 / 576)],
    ['xavierUniform', xavierUniform(), Math.sqrt(2 / (288 + 576))],
    ['kaimingUniform', kaimingUniform(), Math.sqrt(2 / 288)],
    ['truncatedNormal', truncatedNormal(0.1), 0.1],
    // A standard normal within ±2 has the variance 1 − 4φ(2)/(2Φ(2) − 1).
    ['truncatedNormal at its bounds', truncatedNormal(), Math.sqrt(1 - (4 * 0.05399097) / 0.9544997)],
    ['normal', normal(0.02), 0.02],
  ])('%s has its standard deviation', (_, init, std) => {
    expect(stdOf(draw(init)) / std).toBeCloseTo(1, 1);
  });

  it('truncatedNormal stays within its bounds', () => expect(Math.max(...draw(truncatedNormal(3)).map(Math.abs))).toBeLessThanOrEqual(2));

  it.each([
    [1, 0, 2, -2],
    [1, 0, 0, 0],
    [1, 5, -2, 2],
    [0, 0, -2, 2],
    [Infinity, 0, -2, 2],
    [1, 0, Number.NaN, 2],
  ])('truncatedNormal refuses std %d, mean %d, low %d, high %d, where no draw would end', (std, mean, low, high) => {
    expect(() => truncatedNormal(std, mean, low, high)).toThrow(UsageError);
    expect(() => truncatedNormal(std, mean, low, high)).toThrow(`got std ${std}, mean ${mean}, low ${low}, high ${high}.`);
  });

  it('constant fills', () => expect(new Set(draw(constant(0.5)))).toEqual(new Set([0.5])));
});
