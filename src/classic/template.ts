import type { Shape } from '../core/shape.ts';
import type { LinearModel } from './linear-scores.ts';

/** Share of the weights that the colours span; the few beyond are cut off, or a single one would leave the rest grey. */
const spanned = 0.995;

/**
 * One class's row of W as a picture: what the classifier would like to see there. Middle grey is 0; each row has colours of its own.
 *
 *     level = 127.5 · (1 + w / w₀),   w₀ = the 99.5th percentile of |w|
 *
 * **Shapes**: row `[C·H·W]` of a model of samples `[C,H,W]`; pixels row by row, 1 or 3 bytes each.
 *
 * @example const { pixels } = weightTemplate(model, 7, [3, 32, 32]);
 */
export function weightTemplate({ weight, width: size }: LinearModel, row: number, [channels, height, width]: Shape) {
  const values = weight.subarray(row * size, (row + 1) * size);
  const largest = Float32Array.from(values, Math.abs).sort()[Math.min(size - 1, Math.floor(spanned * size))] || 1;
  const area = height * width;
  const pixels = new Uint8Array(size);
  for (let i = 0; i < area; i++)
    for (let c = 0; c < channels; c++)
      pixels[i * channels + c] = Math.round(127.5 * Math.min(2, Math.max(0, 1 + values[c * area + i] / largest)));
  return { pixels, width, height };
}
