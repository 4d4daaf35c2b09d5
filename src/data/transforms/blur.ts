import { type Scratch, slots } from '../scratch.ts';
import { identityMap, padMap } from './axis.ts';
import type { ColourStep } from './step.ts';

type BlurStep = Extract<ColourStep, { op: 'blur' }>;

function weightsOf(length: number, sigma: number): Float64Array {
  const weights = Float64Array.from({ length }, (_, i) => Math.exp(-0.5 * ((i - (length - 1) / 2) / sigma) ** 2));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((w) => w / sum);
}

/** Gaussian blur in place, edges reflected; both passes in floating point, rounded once. */
export function blur(pixels: Uint8Array, width: number, { kernelSize, sigma }: BlurStep, scratch: Scratch): void {
  const height = pixels.length / 3 / width;
  const [across, down] = kernelSize.map((length) => weightsOf(length, sigma));
  const columns = padMap(identityMap(width), across.length >> 1, across.length >> 1, 'reflect', 0);
  const rows = padMap(identityMap(height), down.length >> 1, down.length >> 1, 'reflect', 0);
  const smooth = scratch.floats(slots.blur, pixels.length);
  for (let y = 0, out = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++, out++) {
        let sum = 0;
        for (let k = 0; k < across.length; k++) sum += across[k] * pixels[3 * (y * width + columns[x + k]) + c];
        smooth[out] = sum;
      }
  const stride = 3 * width;
  for (let y = 0, out = 0; y < height; y++)
    for (let x = 0; x < stride; x++, out++) {
      let sum = 0;
      for (let k = 0; k < down.length; k++) sum += down[k] * smooth[rows[y + k] * stride + x];
      pixels[out] = sum + 0.5;
    }
}
