import { readFileSync } from 'node:fs';
import sharp, { type Metadata } from 'sharp';
import { DataError, messageOf } from '../core/errors.ts';
import { decodeBmp, isBmp, readBmpHeader } from './bmp.ts';
import { decodeJpegRegion, type JpegHeader, type NeededRegion, type Region, readJpegHeader } from './jpeg/index.ts';
import { checkRegular } from './regular-file.ts';
import { Scratch, slots } from './scratch.ts';

export type { NeededRegion, Region } from './jpeg/index.ts';

/** Extents in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Decoded pixels: RGB, 8 bits each, row by row. */
export interface Picture extends Size {
  /** `3·width·height` bytes; of the window alone if there is one. */
  readonly data: Uint8Array;
  /** The part that `data` holds; default all of it. */
  readonly window?: Region;
}

/** A picture file whose pixels are decoded as far as they are needed. */
export interface PictureFile extends Size {
  readonly name: string;
  /**
   * Decodes `region` (default: everything) or more.
   *
   * **Throws** `DataError` naming the file if its pixels are broken or cut short.
   */
  decode(region?: NeededRegion): Promise<Picture>;
  /**
   * The same at once, into room that the next call with that scratch takes again; undefined if it takes libvips to decode the file, or to say what is wrong
   * with it. Absent where it always does.
   */
  decodeNow?(region: NeededRegion, scratch: Scratch): Picture | undefined;
}

export interface OpenOptions {
  /** What messages call bytes; default "picture". */
  readonly name?: string;
  /** More pixels than this are refused before anything is decoded; default 178 956 970, where PIL refuses too. */
  readonly maxPixels?: number;
}

const kinds = 'a picture (JPEG, PNG, WebP, BMP, GIF, TIFF)';
const readable: readonly string[] = ['jpeg', 'png', 'webp', 'gif', 'tiff'];
/** Larger parts than this go to libvips: the kernels' memory has an end. */
const mostOwnPixels = 2 ** 26;
/** Room that is larger than this is not kept for the next picture. */
const mostKeptBytes = 2 ** 26;

/** How each EXIF orientation finds its stored pixel: axes swapped, then counted from the other end. */
const orientations = [
  { swap: false, mirrorX: false, mirrorY: false },
  { swap: false, mirrorX: true, mirrorY: false },
  { swap: false, mirrorX: true, mirrorY: true },
  { swap: false, mirrorX: false, mirrorY: true },
  { swap: true, mirrorX: false, mirrorY: false },
  { swap: true, mirrorX: false, mirrorY: true },
  { swap: true, mirrorX: true, mirrorY: true },
  { swap: true, mirrorX: true, mirrorY: false },
] as const;

const whole = ({ width, height }: Size): Region => ({ x: 0, y: 0, width, height });

/** The message of libvips, which may come with several lines and a prefix, as one line. Its threads share one place for it, so it can be lost. */
const complaintOf = (error: unknown): string =>
  messageOf(error)
    .split('\n')[0]
    .replace(/^Input buffer (has|contains) /, 'a file with ')
    .replace(/^Unknown error$/, 'pixels that cannot be decoded');

const broken = (where: string, error: unknown) =>
  new DataError(
    { where, expected: kinds, got: complaintOf(error), hint: 'The file is damaged or cut short: replace it or leave it out' },
    { cause: error },
  );

function readBytes(file: string): Uint8Array {
  checkRegular(file, kinds);
  try {
    // Blocking on purpose: a worker that decodes has nothing else to do, and the way through the thread pool takes longer than the read.
    return readFileSync(file);
  } catch (error) {
    throw new DataError({ where: file, expected: 'a picture that can be read', got: messageOf(error) }, { cause: error });
  }
}

function checkSize(where: string, { width, height }: Size, maxPixels: number): void {
  if (width * height <= maxPixels) return;
  const megapixels = (pixels: number) => Math.round(pixels / 1e6);
  throw new DataError({
    where,
    expected: 'a picture that fits into memory',
    // With the limit: where many are read, only this is told of each.
    got: `${width} × ${height}: ${megapixels(width * height)} megapixels, more than ${megapixels(maxPixels)}`,
    hint: 'Shrink the picture; a small file that claims so many pixels may be made to exhaust memory',
  });
}

/** Turns a stored region into the region as shown. */
function turn(stored: Uint8Array, storedWidth: number, { width, height }: Size, orientation: number, into: Uint8Array): Uint8Array {
  const { swap, mirrorX, mirrorY } = orientations[orientation - 1];
  const [lastX, lastY] = swap ? [height - 1, width - 1] : [width - 1, height - 1];
  for (let y = 0, out = 0; y < height; y++)
    for (let x = 0; x < width; x++, out += 3) {
      const u = swap ? y : x;
      const v = swap ? x : y;
      const at = 3 * ((mirrorY ? lastY - v : v) * storedWidth + (mirrorX ? lastX - u : u));
      into[out] = stored[at];
      into[out + 1] = stored[at + 1];
      into[out + 2] = stored[at + 2];
    }
  return into;
}

/** Where a region as shown lies in the stored picture. */
function storedRegion({ x, y, width, height }: Region, stored: Size, orientation: number): Region {
  const { swap, mirrorX, mirrorY } = orientations[orientation - 1];
  const [u, v, w, h] = swap ? [y, x, height, width] : [x, y, width, height];
  return { x: mirrorX ? stored.width - u - w : u, y: mirrorY ? stored.height - v - h : v, width: w, height: h };
}

function jpegSource(name: string, bytes: Uint8Array, header: JpegHeader): PictureFile {
  const { orientation } = header;
  const shown = orientations[orientation - 1].swap ? { width: header.height, height: header.width } : header;
  const { width, height } = shown;
  return {
    name,
    width,
    height,
    decodeNow(region, scratch) {
      if (region.width * region.height > mostOwnPixels) return undefined;
      const stored = orientation === 1 ? region : storedRegion(region, header, orientation);
      const data = decodeJpegRegion(bytes, header, stored, scratch);
      if (!data || orientation === 1) return data && { width, height, data, window: region };
      return {
        width,
        height,
        data: turn(data, stored.width, region, orientation, scratch.bytes(slots.turned, data.length)),
        window: region,
      };
    },
    async decode(region = whole(shown)) {
      const scratch = ownScratch ?? new Scratch();
      const picture = this.decodeNow!(region, scratch);
      ownScratch = scratch.size > mostKeptBytes ? undefined : scratch;
      if (!picture) return (await libraryOf(name, bytes)).decode();
      return { ...picture, data: picture.data.slice() };
    },
  };
}

let ownScratch: Scratch | undefined;

function bmpSource(name: string, bytes: Uint8Array, maxPixels: number): PictureFile {
  try {
    const size = readBmpHeader(bytes);
    checkSize(name, size, maxPixels);
  } catch (error) {
    throw error instanceof DataError ? error : broken(name, error);
  }
  const { width, height } = readBmpHeader(bytes);
  return {
    name,
    width,
    height,
    async decode() {
      try {
        return decodeBmp(bytes);
      } catch (error) {
        throw broken(name, error);
      }
    },
  };
}

/** Ink of four colours to light of three, without a profile, as PIL does. */
function cmykToRgb(cmyk: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((cmyk.length / 4) * 3);
  for (let i = 0, out = 0; i < cmyk.length; i += 4)
    for (let c = 0, light = 255 - cmyk[i + 3]; c < 3; c++, out++) {
      const product = cmyk[i + c] * light + 128;
      rgb[out] = Math.max(0, light - (((product >> 8) + product) >> 8));
    }
  return rgb;
}

/** The file through libvips, which knows every kind but BMP. Unlike sharp's default, colour profiles are not applied: PIL ignores them. */
async function libraryOf(name: string, bytes: Uint8Array, maxPixels = Number.POSITIVE_INFINITY): Promise<PictureFile> {
  const open = () => sharp(bytes, { failOn: 'error', ignoreIcc: true, limitInputPixels: false, sequentialRead: true });
  let meta: Metadata;
  try {
    meta = await open().metadata();
  } catch (error) {
    throw broken(name, error);
  }
  if (!readable.includes(meta.format ?? ''))
    throw new DataError({ where: name, expected: kinds, got: `a file of the kind ${meta.format}` });
  const { width, height } = meta.autoOrient;
  checkSize(name, { width, height }, maxPixels);
  const isCmyk = meta.space === 'cmyk';
  return {
    name,
    width,
    height,
    // All of it, whatever is needed: a file that is cut short is to be found out at once, not when a random part happens to lie there.
    async decode() {
      const oriented = isCmyk ? open().pipelineColourspace('cmyk').autoOrient() : open().autoOrient().removeAlpha();
      try {
        const data = await oriented
          .toColourspace(isCmyk ? 'cmyk' : 'srgb')
          .raw({ depth: 'uchar' })
          .toBuffer();
        return { width, height, data: isCmyk ? cmykToRgb(data) : data };
      } catch (error) {
        throw broken(name, error);
      }
    },
  };
}

/**
 * Opens a picture file: reads its bytes and its header; pixels come with `decode`.
 *
 * JPEG, PNG, WebP, BMP, GIF (first frame) and TIFF. Turned as its EXIF orientation says. Grey and palettes become RGB, alpha is dropped (not blended), CMYK becomes RGB
 * by `(255 − K)·(1 − C/255)`, of 16 bits the upper 8 are kept; colour profiles are ignored. All as PIL's `convert('RGB')` does, except that PIL leaves the orientation alone and
 * clips grey of 16 bits, and shows the palette's colour where a GIF is transparent, which is black here.
 *
 * - `source`: a path, or the bytes of a file.
 *
 * Numerics: sequential JPEGs are decoded here, other files by libvips; both give the same numbers as PIL with libjpeg-turbo (largest difference 0 of 255).
 *
 * **Throws** `DataError` naming the file: missing, unreadable, empty, no picture, or more pixels than `maxPixels`.
 *
 * @example const { width, height } = await openPicture('rose.jpg');
 */
export async function openPicture(source: string | Uint8Array, { name, maxPixels = 178_956_970 }: OpenOptions = {}): Promise<PictureFile> {
  const where = name ?? (typeof source === 'string' ? source : 'picture');
  const bytes = typeof source === 'string' ? readBytes(source) : source;
  if (bytes.length === 0) throw new DataError({ where, expected: kinds, got: 'an empty file', hint: 'Replace it or leave it out' });
  if (isBmp(bytes)) return bmpSource(where, bytes, maxPixels);
  const header = readJpegHeader(bytes);
  if (!header) return libraryOf(where, bytes, maxPixels);
  checkSize(where, header, maxPixels);
  return jpegSource(where, bytes, header);
}

/**
 * All pixels of a picture file: `openPicture` and `decode` in one.
 *
 * @example const { width, height, data } = await decodePicture('rose.jpg');
 */
export async function decodePicture(source: string | Uint8Array, options?: OpenOptions): Promise<Picture> {
  const { width, height, data } = await (await openPicture(source, options)).decode();
  return { width, height, data };
}
