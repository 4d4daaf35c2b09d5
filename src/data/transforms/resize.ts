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

/** Taps where the kernels find them. */
function placeTaps({ first, count, weights, most }: Taps, slot: number, scratch: Scratch) {
  const room = scratch.ints(slot, first.length + count.length + weights.length);
  room.set(first);
  room.set(count, first.length);
  room.set(weights, 2 * first.length);
  return { first: room.byteOffset, count: room.byteOffset + 4 * first.length, weights: room.byteOffset + 8 * first.length, most };
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
  const across = placeTaps(tapsOf(xMap, input.width, size.width, kernel), slots.columnTaps, scratch);
  const down = tapsOf(yMap, input.height, size.height, kernel);
  const downWeights = placeTaps(down, slots.rowTaps, scratch).weights;
  const { data, stride, x, y } = input;
  const origin = scratch.place(data, slots.copied) - y * stride - 3 * x;
  const bytes = 3 * xMap.length;
  const { resizeRow, resizeColumn } = scratch.kernels;
  for (let row = rows[0], out = temporary.byteOffset; row < rows[1]; row++, out += bytes)
    resizeRow(origin + row * stride, across.first, across.count, across.weights, across.most, xMap.length, out);
  for (let j = 0, out = into.byteOffset; j < yMap.length; j++, out += bytes) {
    const start = temporary.byteOffset + Math.max(0, down.first[j] - rows[0]) * bytes;
    resizeColumn(start, down.count[j], downWeights + 4 * j * down.most, bytes, out);
  }
  fillOutside(target);
}
