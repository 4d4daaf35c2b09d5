import type { Shape } from '../core/shape.ts';
import type { Picture } from './picture.ts';

/** A sample `[1 or 3, H, W]` of numbers 0 to 1 as the picture it came from; grey becomes three equal channels. */
export function samplePicture(sample: ArrayLike<number>, [channels, height, width]: Shape): Picture {
  const area = height * width;
  const data = new Uint8Array(3 * area);
  for (let i = 0; i < area; i++)
    for (let c = 0; c < 3; c++) data[3 * i + c] = Math.round(255 * Math.min(1, Math.max(0, sample[(channels === 3 ? c : 0) * area + i])));
  return { width, height, data };
}
