import type { Region, Size } from '../picture.ts';
import { type Scratch, slots } from '../scratch.ts';
import { type AxisMap, identityMap, rangeOf } from './axis.ts';
import type { Colour, GeometryStep } from './step.ts';
import { fillOutside, type Target, type View } from './view.ts';

type RotateStep = Extract<GeometryStep, { op: 'rotate' }>;

/** Source place of an output place: `x' = a·x + b·y + c`, `y' = d·x + e·y + f`. */
type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

const roundTo15 = (x: number) => Math.round(x * 1e15) / 1e15;

function affineOf({ angle, center }: RotateStep, { width, height }: Size): Affine {
  const turn = -(((angle % 360) + 360) % 360) * (Math.PI / 180);
  const [cx, cy] = center ?? [width / 2, height / 2];
  const cos = roundTo15(Math.cos(turn));
  const sin = roundTo15(Math.sin(turn));
  return [cos, sin, cx - cos * cx - sin * cy, -sin, cos, cy + sin * cx - cos * cy];
}

const fractionBits = 16;
const one = 2 ** fractionBits;
const fixed = (x: number) => Math.floor(x * one + 0.5);

/** The same in fixed point and from pixel centre to pixel centre: what PIL steps with. */
const fixedAffine = ([a, b, c, d, e, f]: Affine): Affine => [
  fixed(a),
  fixed(b),
  fixed(c + a * 0.5 + b * 0.5),
  fixed(d),
  fixed(e),
  fixed(f + d * 0.5 + e * 0.5),
];

/** The corners of what the maps read, in order around it, as places of the input. */
function cornersOf(step: RotateStep, size: Size, xMap: AxisMap, yMap: AxisMap): [number, number][] {
  const xs = rangeOf(xMap);
  const ys = rangeOf(yMap);
  if (!xs || !ys) return [];
  const [a, b, c, d, e, f] = affineOf(step, size);
  const corners = [
    [xs[0], ys[0]],
    [xs[1], ys[0]],
    [xs[1], ys[1]],
    [xs[0], ys[1]],
  ];
  return corners.map(([x, y]) => [a * x + b * y + c, d * x + e * y + f]);
}

/** More than fixed point or a bilinear neighbour can stray from the exact place, in pixels. */
const marginPx = 2;

/** The part of the input that a rotation reads. */
export function rotateNeeds(step: RotateStep, size: Size, xMap: AxisMap, yMap: AxisMap): Region {
  const corners = cornersOf(step, size, xMap, yMap);
  const span = (values: number[], limit: number): [number, number] => {
    const from = Math.min(limit - 1, Math.max(0, Math.floor(Math.min(...values)) - marginPx));
    const to = Math.max(from + 1, Math.min(limit, Math.ceil(Math.max(...values)) + marginPx));
    return [from, to];
  };
  const [x0, x1] = corners.length
    ? span(
        corners.map(([x]) => x),
        size.width,
      )
    : [0, 1];
  const [y0, y1] = corners.length
    ? span(
        corners.map(([, y]) => y),
        size.height,
      )
    : [0, 1];
  return { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
}

/** For every row of the needed region the first needed column and one past the last, in columns of the input; equal where a row needs nothing. */
export function rotateSpans(step: RotateStep, size: Size, xMap: AxisMap, yMap: AxisMap, region: Region): Int32Array {
  const spans = new Int32Array(2 * region.height);
  const corners = cornersOf(step, size, xMap, yMap);
  for (let r = 0; r < region.height; r++) {
    const low = region.y + r - marginPx;
    const high = region.y + r + 1 + marginPx;
    let from = Number.POSITIVE_INFINITY;
    let to = Number.NEGATIVE_INFINITY;
    // The band of rows cuts the four-sided figure; what it reads lies between the outermost points of the cut.
    for (let k = 0; k < corners.length; k++) {
      const [ax, ay] = corners[k];
      const [bx, by] = corners[(k + 1) % corners.length];
      const first = Math.max(low, Math.min(ay, by));
      const last = Math.min(high, Math.max(ay, by));
      if (first > last) continue;
      for (const y of [first, last]) {
        const x = ay === by ? ax : ax + ((bx - ax) * (y - ay)) / (by - ay);
        from = Math.min(from, x, ay === by ? bx : x);
        to = Math.max(to, x, ay === by ? bx : x);
      }
    }
    if (from > to) continue;
    spans[2 * r] = Math.min(region.x + region.width, Math.max(region.x, Math.floor(from) - marginPx));
    spans[2 * r + 1] = Math.max(spans[2 * r], Math.min(region.x + region.width, Math.ceil(to) + marginPx));
  }
  return spans;
}

/** Rotates; only the places that the target asks for are computed. */
export function rotate(step: RotateStep, input: View, target: Target, scratch: Scratch): void {
  if (step.interpolation === 'bilinear') rotateBilinear(affineOf(step, input), input, target, step.fill);
  else if (fitsInt32(cornersOf(step, input, identityMap(input.width), identityMap(input.height))))
    rotateNearest(affineOf(step, input), input, target, step.fill, scratch);
  else rotateNearestHuge(affineOf(step, input), input, target, step.fill);
  fillOutside(target);
}

function paint(into: Uint8Array, length: number, [red, green, blue]: Colour): void {
  for (let o = 0; o < length; o += 3) {
    into[o] = red;
    into[o + 1] = green;
    into[o + 2] = blue;
  }
}

/** Whether every place fits 16 bits and a sign, so that the fixed point fits 32. */
const fitsInt32 = (corners: readonly (readonly [number, number])[]): boolean =>
  corners.every(([x, y]) => Math.abs(x) < 32766 && Math.abs(y) < 32766);

function rotateNearest(
  affine: Affine,
  { data, stride, x, y, width, height }: View,
  { xMap, yMap, into }: Target,
  fill: Colour,
  scratch: Scratch,
): void {
  const [a, b, c, d, e, f] = fixedAffine(affine);
  const columns = xMap.length;
  const source = scratch.place(data, slots.copied);
  const parts = scratch.ints(slots.axisParts, 2 * columns);
  for (let i = 0; i < columns; i++) {
    parts[i] = a * xMap[i];
    parts[columns + i] = d * xMap[i];
  }
  const origin = source - y * stride - 3 * x;
  const colour = fill[0] | (fill[1] << 8) | (fill[2] << 16);
  const xPart = parts.byteOffset;
  for (let j = 0, out = into.byteOffset; j < yMap.length; j++, out += 3 * columns)
    if (yMap[j] >= 0) {
      const [rowX, rowY] = [b * yMap[j] + c, e * yMap[j] + f];
      scratch.kernels.rotateRow(origin, stride, width, height, xPart, xPart + 4 * columns, rowX, rowY, columns, colour, out);
    }
}

/** The same in floating point, for pictures that fixed point cannot address. */
function rotateNearestHuge(
  [a, b, c, d, e, f]: Affine,
  { data, stride, x, y, width, height }: View,
  { xMap, yMap, into }: Target,
  fill: Colour,
): void {
  paint(into, 3 * xMap.length * yMap.length, fill);
  for (let j = 0, o = 0; j < yMap.length; j++)
    for (let i = 0; i < xMap.length; i++, o += 3) {
      const sx = Math.floor(a * (xMap[i] + 0.5) + b * (yMap[j] + 0.5) + c);
      const sy = Math.floor(d * (xMap[i] + 0.5) + e * (yMap[j] + 0.5) + f);
      if (xMap[i] < 0 || yMap[j] < 0 || sx < 0 || sx >= width || sy < 0 || sy >= height) continue;
      const at = (sy - y) * stride + 3 * (sx - x);
      into[o] = data[at];
      into[o + 1] = data[at + 1];
      into[o + 2] = data[at + 2];
    }
}

function rotateBilinear(
  [a, b, c, d, e, f]: Affine,
  { data, stride, x, y, width, height }: View,
  { xMap, yMap, into }: Target,
  fill: Colour,
): void {
  const columns = xMap.length;
  paint(into, 3 * columns * yMap.length, fill);
  for (let j = 0, out = 0; j < yMap.length; j++, out += 3 * columns)
    for (let i = 0, o = out; i < columns; i++, o += 3) {
      if (xMap[i] < 0 || yMap[j] < 0) continue;
      const px = xMap[i] + 0.5;
      const py = yMap[j] + 0.5;
      const inX = a * px + b * py + c;
      const inY = d * px + e * py + f;
      if (inX < 0 || inX >= width || inY < 0 || inY >= height) continue;
      const left = Math.floor(inX - 0.5);
      const top = Math.floor(inY - 0.5);
      const dx = inX - 0.5 - left;
      const dy = inY - 0.5 - top;
      const x0 = 3 * (Math.max(left, 0) - x);
      const x1 = 3 * (Math.min(left + 1, width - 1) - x);
      const y0 = (Math.max(top, 0) - y) * stride;
      const y1 = (Math.min(top + 1, height - 1) - y) * stride;
      for (let k = 0; k < 3; k++) {
        const upper = data[y0 + x0 + k] + (data[y0 + x1 + k] - data[y0 + x0 + k]) * dx;
        const lower = data[y1 + x0 + k] + (data[y1 + x1 + k] - data[y1 + x0 + k]) * dx;
        into[o + k] = upper + (lower - upper) * dy;
      }
    }
}
