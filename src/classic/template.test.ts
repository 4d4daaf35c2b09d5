import { expect, it } from 'vitest';
import { weightTemplate } from './template.ts';

it('turns a row of W into a picture whose middle grey is 0', () => {
  const weight = Float32Array.from([...new Array<number>(12).fill(9), -2, 0, 2, 1, 0, 0, 0, 0, 1, 1, 1, 1]);
  const model = { classes: 2, width: 12, weight, bias: new Float32Array(2) };
  const { pixels, width, height } = weightTemplate(model, 1, [3, 2, 2]);
  expect([width, height, pixels.length]).toEqual([2, 2, 12]);
  // Channel by channel in W, pixel by pixel in the picture.
  expect([...pixels]).toEqual([0, 128, 191, 128, 128, 191, 255, 128, 191, 191, 128, 191]);
  expect([...weightTemplate({ ...model, weight: new Float32Array(24) }, 0, [3, 2, 2]).pixels]).toEqual(new Array(12).fill(128));
});
