import { expect, it } from 'vitest';
import { counted, lossText } from './format.ts';

it('counts one thing and more', () => {
  expect([0, 1, 2].map((n) => counted(n, 'test image'))).toEqual(['0 test images', '1 test image', '2 test images']);
});

it('writes losses in four places, and those that ran away in short', () => {
  expect([0.18321, 12, 6.654179063516957e29].map(lossText)).toEqual(['0.1832', '12.0000', '6.654e+29']);
});
