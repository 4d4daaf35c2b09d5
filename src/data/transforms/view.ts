import { type AxisMap, hasFill } from './axis.ts';
import type { Colour } from './step.ts';

/** Pixels of a stage of the geometry: a window of a picture whose other pixels nobody needs. */
export interface View {
  readonly data: Uint8Array;
  /** Bytes from one row of `data` to the next. */
  readonly stride: number;
  /** Where the first pixel of `data` lies in the picture; may be negative after a crop. */
  readonly x: number;
  readonly y: number;
  /** Of the whole picture. */
  readonly width: number;
  readonly height: number;
}

/** What a sampler fills: pixel (i, j) is place (xMap[i], yMap[j]) of its result. */
export interface Target {
  readonly xMap: AxisMap;
  readonly yMap: AxisMap;
  /** Colours of the negative entries. */
  readonly fills: readonly Colour[];
  /** RGB, `3·xMap.length` bytes a row. */
  readonly into: Uint8Array;
}

/** Puts the fill colours where the maps are negative. */
export function fillOutside({ xMap, yMap, fills, into }: Target): void {
  if (fills.length === 0 || !(hasFill(xMap) || hasFill(yMap))) return;
  const width = xMap.length;
  for (let j = 0, out = 0; j < yMap.length; j++)
    for (let i = 0; i < width; i++, out += 3) {
      const at = Math.min(xMap[i], yMap[j]);
      if (at >= 0) continue;
      const colour = fills[-1 - at];
      into[out] = colour[0];
      into[out + 1] = colour[1];
      into[out + 2] = colour[2];
    }
}

/** Copies pixels as they are: crops, flips and pads in one pass. */
export function gather({ data, stride, x, y }: View, target: Target): void {
  const { xMap, yMap, into } = target;
  const width = xMap.length;
  for (let j = 0, out = 0; j < yMap.length; j++, out += 3 * width) {
    if (yMap[j] < 0) continue;
    const row = (yMap[j] - y) * stride - 3 * x;
    for (let i = 0, o = out; i < width; i++, o += 3) {
      if (xMap[i] < 0) continue;
      const at = row + 3 * xMap[i];
      into[o] = data[at];
      into[o + 1] = data[at + 1];
      into[o + 2] = data[at + 2];
    }
  }
  fillOutside(target);
}
