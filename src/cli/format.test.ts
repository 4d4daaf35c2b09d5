import { expect, it } from 'vitest';
import { lossText } from './format.ts';

it('writes losses in four places, and those that ran away in short', () => {
  expect([0.18321, 12, 6.654179063516957e29].map(lossText)).toEqual(['0.1832', '12.0000', '6.654e+29']);
});
