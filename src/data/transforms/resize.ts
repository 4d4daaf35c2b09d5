import { type Scratch, slots } from '../scratch.ts';
import { type AxisMap, rangeOf } from './axis.ts';
import type { ResizeFilter } from './step.ts';
import { fillOutside, type Target, type View } from './view.ts';

interface Kernel {
  /** Reach in pixels of the smaller picture. */
  readonly support: number;
  readonly weight: (distance: number) => number;
}

const kernels: Record<ResizeFilter, Kernel> = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: {
    support: 2,
    weight: (x) => {
      const d = Math.abs(x);
      if (d < 1) return (1.5 * d - 2.5) * d * d + 1;
      return d < 2 ? -0.5 * (((d - 5) * d + 8) * d - 4) : 0;
    },
  },
};

const weightBits = 22;
const half = 1 << (weightBits - 1);
/** Results by their value + 256: bicubic weights overshoot. */
const clamped = Uint8Array.from({ length: 1024 }, (_, i) => Math.min(255, Math.max(0, i - 256)));

/** Weights of the input pixels that make each wanted output pixel along one axis. */
interface Taps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** `most` for every pixel, in 22-bit fixed point. */
  readonly weights: Int32Array;
  readonly most: number;
}

function tapsOf(map: AxisMap, inLength: number, outLength: number, { support, weight }: Kernel): Taps {
  const scale = inLength / outLength;
  const stretch = Math.max(1, scale);
  const reach = support * stretch;
  const most = Math.ceil(reach) * 2 + 1;
  const taps = { first: new Int32Array(map.length), count: new Int32Array(map.length), weights: new Int32Array(map.length * most), most };
  const raw = new Float64Array(most);
  for (let i = 0; i < map.length; i++) {
    if (map[i] < 0) continue;
    const center = (map[i] + 0.5) * scale;
    const from = Math.max(0, Math.trunc(center - reach + 0.5));
    const to = Math.min(inLength, Math.trunc(center + reach + 0.5));
    let sum = 0;
    for (let k = from; k < to; k++) {
      raw[k - from] = weight((k - center + 0.5) / stretch);
      sum += raw[k - from];
    }
    taps.first[i] = from;
    for (let k = 0; k < to - from; k++) {
      const share = (raw[k] / sum) * (1 << weightBits);
      taps.weights[i * most + k] = Math.trunc(share + (share < 0 ? -0.5 : 0.5));
      if (taps.weights[i * most + k] !== 0) taps.count[i] = k + 1;
    }
  }
  return taps;
}

/** What a resize along one axis reads. */
export function resizeNeeds(map: AxisMap, inLength: number, outLength: number, filter: ResizeFilter): [from: number, to: number] {
  const range = rangeOf(map);
  if (!range) return [0, 1];
  const ends = tapsOf(Int32Array.of(range[0], range[1] - 1), inLength, outLength, kernels[filter]);
  return [ends.first[0], ends.first[1] + ends.count[1]];
}

/** Resamples along the rows, into a temporary picture of `columns` pixels a row. */
function alongRows(input: View, rows: [number, number], { first, count, weights, most }: Taps, columns: number, into: Uint8Array): void {
  const { data, stride, x, y } = input;
  for (let row = rows[0], out = 0; row < rows[1]; row++) {
    const start = (row - y) * stride - 3 * x;
    for (let i = 0, w = 0; i < columns; i++, w += most, out += 3) {
      let at = start + 3 * first[i];
      let r = half;
      let g = half;
      let b = half;
      for (let k = w, end = w + count[i]; k < end; k++, at += 3) {
        const share = weights[k];
        r += Math.imul(share, data[at]);
        g += Math.imul(share, data[at + 1]);
        b += Math.imul(share, data[at + 2]);
      }
      into[out] = clamped[(r >> weightBits) + 256];
      into[out + 1] = clamped[(g >> weightBits) + 256];
      into[out + 2] = clamped[(b >> weightBits) + 256];
    }
  }
}

/** Resamples along the columns of that temporary picture, whose first row is `top`. */
function alongColumns(
  rows: Uint8Array,
  top: number,
  { first, count, weights, most }: Taps,
  height: number,
  bytes: number,
  into: Uint8Array,
): void {
  for (let j = 0, w = 0, out = 0; j < height; j++, w += most) {
    const start = (first[j] - top) * bytes;
    const taps = count[j];
    for (let i = 0; i < bytes; i++, out++) {
      let sum = half;
      for (let k = 0, at = start + i; k < taps; k++, at += bytes) sum += Math.imul(weights[w + k], rows[at]);
      into[out] = clamped[(sum >> weightBits) + 256];
    }
  }
}

/**
 * Resizes with a filter as wide as the reduction ("antialias"), first along rows, then along columns, rounded to 8 bits in between; only the places that
 * the target asks for are computed.
 *
 * **Source**: PIL's `Image.resize`, to the last bit.
 */
export function resize(input: View, size: { width: number; height: number; filter: ResizeFilter }, target: Target, scratch: Scratch): void {
  const { xMap, yMap, into } = target;
  const kernel = kernels[size.filter];
  const rows = resizeNeeds(yMap, input.height, size.height, size.filter);
  const temporary = scratch.bytes(slots.resizeRows, 3 * xMap.length * (rows[1] - rows[0]));
  alongRows(input, rows, tapsOf(xMap, input.width, size.width, kernel), xMap.length, temporary);
  alongColumns(temporary, rows[0], tapsOf(yMap, input.height, size.height, kernel), yMap.length, 3 * xMap.length, into);
  fillOutside(target);
}
