import { expect, it } from 'vitest';
import { timeLines } from './knn-output.ts';

const told = (...times: readonly [number, number][]) =>
  timeLines({ queryTimes: times.map(([rows, ms]) => ({ rows, secondsPerQuery: ms / 1000 })) }).join('\n');

it('timeLines gives a slope only where times rise over many images', () => {
  expect(told([2500, 0.49], [5000, 0.95], [10000, 1.2])).toContain('O(n), here 0.095 ms for every further 1000 images.');
  const silent = 'O(n), which times as short as these do not show.';
  expect(told([117, 0.31], [234, 0.33], [469, 0.35])).toContain(silent);
  expect(told([2500, 0.49], [5000, 0.48], [10000, 1.2])).toContain(silent);
  expect(told([9, 0.3])).toContain(silent);
});
