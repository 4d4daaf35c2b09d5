import { expect, it } from 'vitest';
import { lrCurveSvg } from './lr-curve.ts';

const lossesOf = (losses: readonly number[]) => losses.map((loss, i) => ({ lr: 10 ** (i - 6), loss, smoothed: loss }));
const yNames = (svg: string) => Array.from(svg.matchAll(/text-anchor="end">([\d.]+)</g), ([, tick]) => Number(tick));

it('marks the suggested rate and no other', () => {
  const svg = lrCurveSvg({ trials: lossesOf([3, 3, 3, 3, 3, 2.9, 2, 0.5, 1]), suggestion: 1e-4 }, '');
  expect(svg).toContain('>Suggested learning rate: 1e-4<');
  expect(svg).toContain('>suggested: 1e-4<');
  expect(svg).toMatch(/>one batch<.*>smoothed</s);
  expect(svg).not.toContain('r="5"');
  const none = lrCurveSvg({ trials: lossesOf([3, 3, 3]), suggestion: undefined }, '');
  expect(none).not.toContain('>suggested');
});

it('keeps an axis that shows the slope where the loss runs away, and tells how far', () => {
  const svg = lrCurveSvg({ trials: lossesOf([0.1, 3, 3, 3, 3, 2.9, 2, 0.5, 4e7]), suggestion: 1e-4 }, '');
  expect(Math.max(...yNames(svg))).toBe(6);
  expect(svg).toContain('>smoothed, beyond the axis up to 4e7<');
  expect(svg).toContain('clip-path=');
  expect(lrCurveSvg({ trials: lossesOf([3, 3, 3, 3, 3, 2, 4]), suggestion: 1e-5 }, '')).not.toContain('clip-path=');
  expect(lrCurveSvg({ trials: [], suggestion: undefined }, '')).not.toMatch(/NaN|Infinity/);
});
