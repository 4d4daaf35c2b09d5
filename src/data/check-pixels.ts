import { DataError } from '../core/errors.ts';
import type { Size } from './picture.ts';

/** **Throws** `DataError` if so many bytes are not pixels of this size, of as many channels as one of those given. */
export function checkPixels(where: string, { width, height }: Size, bytes: number, channels: readonly number[]): void {
  const isSize = [width, height].every((px) => Number.isInteger(px) && px >= 1);
  if (!isSize) throw new DataError({ where, expected: 'a width and a height from 1', got: `${width} × ${height}` });
  const fitting = channels.map((count) => count * width * height);
  // A fourth byte a pixel is what other libraries give for pictures with transparency.
  const hint = bytes === 4 * width * height ? 'Take the alpha channel off: pixels are red, green and blue' : undefined;
  if (!fitting.includes(bytes))
    throw new DataError({ where, expected: `${fitting.join(' or ')} bytes for ${width} × ${height} px`, got: `${bytes}`, hint });
}
