import { readFile } from 'node:fs/promises';
import sharp, { type Sharp } from 'sharp';
import { DataError, messageOf } from '../core/errors.ts';
import type { NdArray } from '../core/ndarray.ts';
import { decodeBmp, isBmp } from './bmp.ts';
import { checkRegular } from './regular-file.ts';

const sidePx = 28;
const boxPx = 20;
/** A digit of 20 px needs no more; photographs are reduced to this before anything else. */
const workingPx = 640;
/** Less contrast than this between ink and paper, in levels of 255, is a blank picture. */
const minContrast = 24;
/** Ink fainter than this part of the darkest does not widen the digit's box: ringing of JPEG, shadows. */
const faintRate = 0.2;

interface Grey {
  /** Levels 0 … 255, row by row. */
  pixels: Uint8Array | Float32Array;
  width: number;
  height: number;
}

/** libvips knows every kind but BMP. */
function openImage(bytes: Uint8Array): Sharp {
  if (!isBmp(bytes)) return sharp(bytes, { failOn: 'error' });
  const { width, height, data } = decodeBmp(bytes);
  return sharp(data, { raw: { width, height, channels: 3 } });
}

async function decode(bytes: Uint8Array, where: string, background: string): Promise<Grey> {
  try {
    const { data, info } = await openImage(bytes)
      .autoOrient()
      .flatten({ background })
      .resize({ width: workingPx, height: workingPx, fit: 'inside', withoutEnlargement: true })
      .toColourspace('b-w')
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { pixels: data, width: info.width, height: info.height };
  } catch (error) {
    throw new DataError({ where, expected: 'a picture (PNG, JPEG, WebP, BMP, GIF, TIFF)', got: messageOf(error) }, { cause: error });
  }
}

function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[sorted.length >> 1];
}

/** The level of the paper at a place. */
type Paper = (x: number, y: number) => number;

/**
 * What lies along the border is paper: of one level, or, where that fits the border better, falling evenly from one side to the other,
 * as light does over a photographed sheet. Medians, because ink may touch an edge.
 */
function paperOf({ pixels, width, height }: Grey): { paper: Paper; grain: number } {
  const edge = (length: number, at: (i: number) => number) => Array.from({ length }, (_, i) => at(i));
  const edges = [
    edge(width, (x) => x),
    edge(width, (x) => (height - 1) * width + x),
    edge(height, (y) => y * width),
    edge(height, (y) => y * width + width - 1),
  ];
  const border = edges.flat();
  const [top, bottom, left, right] = edges.map((places) => median(places.map((i) => pixels[i])));
  const level = median(border.map((i) => pixels[i]));
  const middle = (top + bottom + left + right) / 4;
  const candidates: Paper[] = [
    () => level,
    (x, y) => middle + (right - left) * (x / Math.max(1, width - 1) - 0.5) + (bottom - top) * (y / Math.max(1, height - 1) - 0.5),
  ];
  const fits = candidates.map((paper) => {
    const grain = median(border.map((i) => Math.abs(pixels[i] - paper(i % width, Math.floor(i / width)))));
    return { paper, grain };
  });
  return fits[1].grain < fits[0].grain ? fits[1] : fits[0];
}

/**
 * Ink as 0 … 255 whatever its colour: how far a pixel is from the paper, less three times what the paper itself varies by. The side that
 * holds more of it, darker or lighter, is ink. Nothing if the picture is blank.
 */
function inkOf(grey: Grey): Grey | undefined {
  const { width } = grey;
  const { paper, grain } = paperOf(grey);
  const noise = 3 * grain;
  const lighterBy = Float32Array.from(grey.pixels, (level, i) => level - paper(i % width, Math.floor(i / width)));
  let balance = 0;
  for (const d of lighterBy) balance += Math.sign(d) * Math.max(0, Math.abs(d) - noise);
  const sign = balance < 0 ? -1 : 1;
  const ink = lighterBy.map((d) => Math.max(0, sign * d - noise));
  const peak = ink.reduce((a, b) => Math.max(a, b), 0);
  return peak < minContrast ? undefined : { ...grey, pixels: ink.map((level) => Math.round((255 * level) / peak)) };
}

/** The smallest part that holds all ink that is not faint. */
function crop({ pixels, width, height }: Grey): Grey {
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      if (pixels[y * width + x] > 255 * faintRate) {
        left = Math.min(left, x);
        right = Math.max(right, x + 1);
        top = Math.min(top, y);
        bottom = y + 1;
      }
  const part = new Float32Array((right - left) * (bottom - top));
  for (let y = top; y < bottom; y++) part.set(pixels.subarray(y * width + left, y * width + right), (y - top) * (right - left));
  return { pixels: part, width: right - left, height: bottom - top };
}

/** The larger side becomes 20 px; thin strokes, which fade when reduced, get their full level back. */
async function fitBox({ pixels, width, height }: Grey): Promise<Grey> {
  const scale = boxPx / Math.max(width, height);
  const to = { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
  const { data } = await sharp(Uint8Array.from(pixels), { raw: { width, height, channels: 1 } })
    .resize({ ...to, fit: 'fill', kernel: 'lanczos3' })
    .toColourspace('b-w')
    .raw()
    .toBuffer({ resolveWithObject: true });
  const peak = data.reduce((a, b) => Math.max(a, b), 1);
  return { ...to, pixels: Float32Array.from(data, (level) => (255 * level) / peak) };
}

/** Lays the digit so that its centre of mass is pixel (14, 14), without cutting any of it off. */
function centre({ pixels, width, height }: Grey): Float32Array<ArrayBuffer> {
  let [mass, sumX, sumY] = [0, 0, 0];
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const ink = pixels[y * width + x];
      mass += ink;
      sumX += ink * x;
      sumY += ink * y;
    }
  const place = (centreOfMass: number, extent: number) => Math.min(sidePx - extent, Math.max(0, Math.round(sidePx / 2 - centreOfMass)));
  const left = place(sumX / mass, width);
  const top = place(sumY / mass, height);
  const field = new Float32Array(sidePx * sidePx);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) field[(top + y) * sidePx + left + x] = pixels[y * width + x] / 255;
  return field;
}

/**
 * Any picture of one digit as MNIST would hold it: white on black, the larger side 20 px, the centre of mass in the middle of 28 × 28.
 *
 * Transparent parts are paper; ink may be darker or lighter than the paper, which is taken from the picture's border.
 *
 * **Shapes**: `[1,28,28]`, values 0 to 1.
 *
 * - `source`: a path, or the bytes of a file (PNG, JPEG, WebP, BMP, GIF, TIFF).
 * - `name`: what messages call bytes. Default: "picture".
 *
 * Numerics: levels are stretched so that the darkest ink is 1.
 *
 * **Throws** `DataError` if the file is missing or unreadable, or nothing stands out from the paper (24 of 255 levels).
 * **Source**: the preparation described on LeCun's MNIST page; the middle is where the centres of mass of the data set lie.
 *
 * @example const x = await readDigit('seven.jpg');
 */
export async function readDigit(source: string | Uint8Array, name = 'picture'): Promise<NdArray<'f32'>> {
  const where = typeof source === 'string' ? source : name;
  if (typeof source === 'string') checkRegular(source, 'a picture');
  let bytes: Uint8Array;
  try {
    bytes = typeof source === 'string' ? await readFile(source) : source;
  } catch (error) {
    throw new DataError({ where, expected: 'a picture', got: messageOf(error) }, { cause: error });
  }
  // White ink on nothing shows only on black.
  const ink = inkOf(await decode(bytes, where, 'white')) ?? inkOf(await decode(bytes, where, 'black'));
  if (!ink)
    throw new DataError({
      where,
      expected: 'a digit that stands out from its background',
      got: 'a blank picture',
      hint: 'Leave some background around the digit.',
    });
  return { dtype: 'f32', shape: [1, sidePx, sidePx], data: centre(await fitBox(crop(ink))) };
}
