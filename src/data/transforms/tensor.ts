import { Rng } from '../../core/rng.ts';
import type { Size } from '../picture.ts';
import { type Scratch, slots } from '../scratch.ts';
import { type PixelStep, placeSteps } from './colour.ts';
import type { TensorStep } from './step.ts';

type Normalize = Extract<TensorStep, { op: 'normalize' }>;
type Erase = Extract<TensorStep, { op: 'erase' }>;

const identity = { mean: [0, 0, 0], std: [1, 1, 1] };

/**
 * Writes RGB pixels as a tensor, one channel after the other, values divided by 255, and applies what follows: `(x − mean) / std` in single precision, and
 * erasing.
 *
 * - `pixels`: in the room of `scratch`; `colour`: steps that are still to be applied to them.
 * - `into`, `offset`: receive `channels·height·width` numbers.
 */
export function writeTensor(
  pixels: Uint8Array,
  { width, height }: Size,
  colour: readonly PixelStep[],
  steps: readonly TensorStep[],
  into: Float32Array,
  offset: number,
  scratch: Scratch,
): void {
  const channels = steps.find((step) => step.op === 'toTensor')?.channels ?? 3;
  const [first, ...others] = steps.filter((step) => step.op !== 'toTensor');
  const { mean, std } = first?.op === 'normalize' ? first : identity;
  const area = width * height;
  const padded = 4 * Math.ceil(area / 4);
  const room = scratch.floats(slots.tensor, channels * padded + 8);
  room.set([0, 1, 2].flatMap((c) => [mean[c] ?? 0, std[c] ?? 1]));
  const numbers = room.subarray(8);
  const coloured = placeSteps(colour, scratch);
  scratch.kernels.writeTensor(pixels.byteOffset, area, channels, coloured, colour.length, room.byteOffset, 4 * padded, numbers.byteOffset);
  for (let c = 0; c < channels; c++) into.set(numbers.subarray(c * padded, c * padded + area), offset + c * area);
  const part = into.subarray(offset, offset + channels * area);
  for (const step of first && first.op !== 'normalize' ? [first, ...others] : others) {
    if (step.op === 'normalize') normalize(part, step, area);
    else erase(part, step, channels, width, area);
  }
}

function normalize(tensor: Float32Array, { mean, std }: Normalize, area: number): void {
  for (const [c, m] of mean.entries())
    for (let i = c * area; i < (c + 1) * area; i++) tensor[i] = Math.fround(tensor[i] - Math.fround(m)) / Math.fround(std[c]);
}

function erase(tensor: Float32Array, { left, top, width, height, fill }: Erase, channels: number, stride: number, area: number): void {
  const noise = 'noise' in fill ? new Rng(fill.noise, 'erase') : undefined;
  for (let c = 0; c < channels; c++)
    for (let y = top; y < top + height; y++) {
      const row = c * area + y * stride + left;
      if (noise) for (let x = 0; x < width; x++) tensor[row + x] = noise.normal();
      else if ('value' in fill) tensor.fill(fill.value[fill.value.length === 1 ? 0 : c], row, row + width);
    }
}
