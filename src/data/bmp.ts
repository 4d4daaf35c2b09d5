import { FormatError } from '../core/errors.ts';

/** A decoded picture: RGB, row by row. */
export interface BmpPicture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array<ArrayBuffer>;
}

export const isBmp = (bytes: Uint8Array): boolean => bytes[0] === 0x42 && bytes[1] === 0x4d;

const compression = { none: 0, bitFields: 3, alphaBitFields: 6 } as const;
const known: readonly number[] = Object.values(compression);

interface BmpHeader {
  width: number;
  height: number;
  topDown: boolean;
  bitsPerPixel: number;
  pixelsAt: number;
  /** Bytes from one row to the next. */
  stride: number;
  palette: Uint8Array;
  paletteEntryBytes: number;
  /** Red, green, blue of pixels of 16 and 32 bits. */
  masks: readonly number[];
}

const refuse = (expected: string, got: string): never => {
  throw new FormatError({ where: 'BMP', expected, got, hint: 'Save it as PNG' });
};

/** Size of a BMP, for a check before its pixels are read. **Throws** `FormatError` for kinds that are not read. */
export function readBmpHeader(bytes: Uint8Array): BmpHeader {
  if (bytes.length < 26) refuse('a header of at least 26 bytes', `${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pixelsAt = view.getUint32(10, true);
  const headerBytes = view.getUint32(14, true);
  const isCore = headerBytes === 12;
  if (!isCore && (headerBytes < 40 || bytes.length < 14 + headerBytes))
    refuse('a header of 12, or 40 and more bytes', `${headerBytes} bytes`);
  const width = isCore ? view.getUint16(18, true) : view.getInt32(18, true);
  const signedHeight = isCore ? view.getUint16(20, true) : view.getInt32(22, true);
  const bitsPerPixel = view.getUint16(isCore ? 24 : 28, true);
  const kind = isCore ? compression.none : view.getUint32(30, true);
  const height = Math.abs(signedHeight);
  if (width < 1 || height < 1) refuse('a width and a height above 0', `${width} × ${signedHeight}`);
  if (![1, 4, 8, 16, 24, 32].includes(bitsPerPixel)) refuse('1, 4, 8, 16, 24 or 32 bits per pixel', `${bitsPerPixel}`);
  if (!known.includes(kind)) refuse('an uncompressed picture', `compression ${kind}`);
  const hasMasks = kind !== compression.none && bytes.length >= 66;
  const usual = bitsPerPixel === 16 ? [0x7c00, 0x03e0, 0x001f] : [0xff0000, 0x00ff00, 0x0000ff];
  const masks = hasMasks ? [54, 58, 62].map((at) => view.getUint32(at, true)) : usual;
  const paletteAt = 14 + headerBytes + (hasMasks && headerBytes === 40 ? 12 : 0);
  return {
    width,
    height,
    topDown: signedHeight < 0,
    bitsPerPixel,
    pixelsAt,
    stride: 4 * Math.ceil((width * bitsPerPixel) / 32),
    palette: bytes.subarray(paletteAt, pixelsAt),
    paletteEntryBytes: isCore ? 3 : 4,
    masks,
  };
}

/** The bits of `value` under `mask` as 0 … 255. */
function channel(value: number, mask: number): number {
  if (mask === 0) return 0;
  const lowest = (mask & -mask) >>> 0;
  const most = Math.floor(mask / lowest);
  return Math.floor((Math.floor(((value & mask) >>> 0) / lowest) * 255) / most);
}

/**
 * Decodes an uncompressed BMP to RGB; alpha is dropped.
 *
 * Own code because libvips as sharp ships it reads no BMP, and the packages that do are either left alone for years, or know fewer kinds than old cameras and
 * Windows programs write (bit fields, 16 bits, top-down, 1 and 4 bits, the OS/2 header).
 *
 * **Throws** `FormatError` for run-length coding, other headers, and a file that ends early.
 * **Source**: Microsoft, "Bitmap Storage" (BITMAPCOREHEADER, BITMAPINFOHEADER, V4, V5).
 */
export function decodeBmp(bytes: Uint8Array): BmpPicture {
  const { width, height, topDown, bitsPerPixel, pixelsAt, stride, palette, paletteEntryBytes, masks } = readBmpHeader(bytes);
  if (pixelsAt + stride * (height - 1) + Math.ceil((width * bitsPerPixel) / 8) > bytes.length)
    refuse(`${stride * height} bytes of pixels`, `${Math.max(0, bytes.length - pixelsAt)}: the file is truncated`);
  const data = new Uint8Array(3 * width * height);
  for (let y = 0, out = 0; y < height; y++) {
    const row = pixelsAt + stride * (topDown ? y : height - 1 - y);
    for (let x = 0; x < width; x++, out += 3) {
      if (bitsPerPixel <= 8) {
        const bit = x * bitsPerPixel;
        const index = (bytes[row + (bit >> 3)] >> (8 - bitsPerPixel - (bit & 7))) & ((1 << bitsPerPixel) - 1);
        for (let c = 0; c < 3; c++) data[out + c] = palette[index * paletteEntryBytes + 2 - c] ?? 0;
      } else if (bitsPerPixel === 24) for (let c = 0; c < 3; c++) data[out + c] = bytes[row + 3 * x + 2 - c];
      else {
        const size = bitsPerPixel / 8;
        let value = 0;
        for (let b = size - 1; b >= 0; b--) value = value * 256 + bytes[row + size * x + b];
        for (let c = 0; c < 3; c++) data[out + c] = channel(value, masks[c]);
      }
    }
  }
  return { width, height, data };
}
