import { DataError } from '../../core/errors.ts';
import type { Rng } from '../../core/rng.ts';
import type { Size } from '../picture.ts';
import type { Colour, ColourStep, PadMode, Step } from './step.ts';

/** Python's `round`: halves go to the even neighbour. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

export type Pair = readonly [number, number];
/** `[height, width]` of one number or two. */
export const pairOf = (size: number | Pair): Pair => (typeof size === 'number' ? [size, size] : size);
export const colourOf = (fill: number | Colour): Colour => (typeof fill === 'number' ? [fill, fill, fill] : fill);

/** Left, top, right, bottom of torchvision's one, two (across, down) or four numbers. */
export function sidesOf(padding: number | readonly number[]): [number, number, number, number] {
  const [left, top = left, right = left, bottom = top] = typeof padding === 'number' ? [padding] : padding;
  return [left, top, right, bottom];
}

/** Size whose shorter side is `shorter`; `longest` bounds the longer one. */
export function sizeForShorter({ width, height }: Size, shorter: number, longest?: number): Size {
  const [short, long] = width <= height ? [width, height] : [height, width];
  let [newShort, newLong] = [shorter, Math.trunc((shorter * long) / short)];
  if (longest !== undefined && newLong > longest) [newShort, newLong] = [Math.trunc((longest * newShort) / newLong), longest];
  return width <= height ? { width: newShort, height: newLong } : { width: newLong, height: newShort };
}

export const pad = ([left, top, right, bottom]: readonly number[], mode: PadMode, fill: Colour): Step => ({
  op: 'pad',
  left,
  top,
  right,
  bottom,
  mode,
  fill,
});

/** Cuts the middle out; what is missing on a side is added in black first. */
export function centerCrop({ width, height }: Size, [cropHeight, cropWidth]: Pair): Step[] {
  const missing = (wanted: number, has: number, more: number) => (wanted > has ? Math.floor((wanted - has + more) / 2) : 0);
  const sides = [
    missing(cropWidth, width, 0),
    missing(cropHeight, height, 0),
    missing(cropWidth, width, 1),
    missing(cropHeight, height, 1),
  ];
  const left = roundHalfEven((Math.max(width, cropWidth) - cropWidth) / 2);
  const top = roundHalfEven((Math.max(height, cropHeight) - cropHeight) / 2);
  const crop: Step = { op: 'crop', left, top, width: cropWidth, height: cropHeight };
  return sides.some((side) => side > 0) ? [pad(sides, 'constant', [0, 0, 0]), crop] : [crop];
}

/** The longer side becomes that of the target, the rest is filled on both sides. */
export function letterbox(size: Size, [height, width]: Pair, fill: Colour): Step[] {
  const scale = Math.min(width / size.width, height / size.height);
  const fitted = { width: Math.max(1, Math.round(size.width * scale)), height: Math.max(1, Math.round(size.height * scale)) };
  const left = Math.floor((width - fitted.width) / 2);
  const top = Math.floor((height - fitted.height) / 2);
  const sides = [left, top, width - fitted.width - left, height - fitted.height - top];
  const resized: Step = { op: 'resize', ...fitted, filter: 'bilinear' };
  return sides.some((side) => side > 0) ? [resized, pad(sides, 'constant', fill)] : [resized];
}

interface RandomCropOptions {
  size: Pair;
  padding?: number | readonly number[];
  padIfNeeded: boolean;
  fill: Colour;
  paddingMode: PadMode;
}

export function randomCrop({ size: [h, w], padding, padIfNeeded, fill, paddingMode }: RandomCropOptions, rng: Rng, size: Size): Step[] {
  const steps: Step[] = [];
  let { width, height } = size;
  const grow = (sides: number[]) => {
    steps.push(pad(sides, paddingMode, fill));
    width += sides[0] + sides[2];
    height += sides[1] + sides[3];
  };
  if (padding !== undefined) grow(sidesOf(padding));
  if (padIfNeeded && width < w) grow([w - width, 0, w - width, 0]);
  if (padIfNeeded && height < h) grow([0, h - height, 0, h - height]);
  if (width < w || height < h)
    throw new DataError({
      where: 'RandomCrop',
      expected: `a picture of at least ${w} × ${h}`,
      got: `${width} × ${height}`,
      hint: 'Set padIfNeeded, or put a Resize before it',
    });
  return [...steps, { op: 'crop', left: rng.int(width - w + 1), top: rng.int(height - h + 1), width: w, height: h }];
}

/** Extents of a random area and aspect ratio; `ratio` of width to height, drawn evenly in its logarithm. */
function randomExtent(rng: Rng, area: number, scale: Pair, ratio: Pair): [width: number, height: number] {
  const target = area * rng.uniform(...scale);
  const aspect = Math.exp(rng.uniform(Math.log(ratio[0]), Math.log(ratio[1])));
  return [roundHalfEven(Math.sqrt(target * aspect)), roundHalfEven(Math.sqrt(target / aspect))];
}

const tries = 10;

/** A random part of the picture; after ten that do not fit, the largest in the middle whose ratio is allowed. */
export function randomResizedCrop({ scale, ratio }: { scale: Pair; ratio: Pair }, rng: Rng, { width, height }: Size): Step {
  for (let i = 0; i < tries; i++) {
    const [w, h] = randomExtent(rng, width * height, scale, ratio);
    if (w > 0 && w <= width && h > 0 && h <= height) {
      const top = rng.int(height - h + 1);
      return { op: 'crop', left: rng.int(width - w + 1), top, width: w, height: h };
    }
  }
  const [least, most] = [Math.min(...ratio), Math.max(...ratio)];
  const w = width / height > most ? roundHalfEven(height * most) : width;
  const h = width / height < least ? roundHalfEven(width / least) : height;
  return { op: 'crop', left: Math.floor((width - w) / 2), top: Math.floor((height - h) / 2), width: w, height: h };
}

interface EraseOptions {
  p: number;
  scale: Pair;
  ratio: Pair;
  value: number | readonly number[] | 'random';
}

/** Here `ratio` is of height to width, as in torchvision. Ten tries, then nothing is erased. */
export function randomErasing({ p, scale, ratio, value }: EraseOptions, rng: Rng, { width, height }: Size): Step[] {
  if (rng.uniform() >= p) return [];
  for (let i = 0; i < tries; i++) {
    const [h, w] = randomExtent(rng, width * height, scale, ratio);
    if (h >= height || w >= width) continue;
    const place = { top: rng.int(height - h + 1), left: rng.int(width - w + 1) };
    const fill = value === 'random' ? { noise: rng.uint32() } : { value: typeof value === 'number' ? [value] : value };
    return [{ op: 'erase', ...place, width: w, height: h, fill }];
  }
  return [];
}

interface JitterOptions {
  brightness: Pair;
  contrast: Pair;
  saturation: Pair;
  hue: Pair;
}

/** The four changes in random order, each factor drawn evenly; a range that is only the neutral value is left out. */
export function colorJitter(options: JitterOptions, rng: Rng): Step[] {
  const ops = ['brightness', 'contrast', 'saturation', 'hue'] as const;
  const order = rng.permutation(ops.length);
  const factors = ops.map((op) => rng.uniform(...options[op]));
  const steps: Step[] = [];
  for (const i of order) {
    const neutral = ops[i] === 'hue' ? 0 : 1;
    if (options[ops[i]].some((end) => end !== neutral)) steps.push({ op: ops[i], factor: factors[i] } as ColourStep);
  }
  return steps;
}
