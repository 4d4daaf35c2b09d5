import { describe, expect, it } from 'vitest';
import { DataError, FormatError } from '../core/errors.ts';
import { decodeBmp } from './bmp.ts';
import { decodePicture, openPicture } from './picture.ts';

interface Kind {
  bits: number;
  /** Rows from the top, last first otherwise. */
  topDown?: boolean;
  compression?: number;
  masks?: number[];
  palette?: number[][];
  /** OS/2 header. */
  core?: boolean;
}

/** A BMP of 5 × 3 pixels; `value(x, y)` is a pixel as it is stored. */
function bmp({ bits, topDown, compression = 0, masks = [], palette = [], core }: Kind, value: (x: number, y: number) => number): Buffer {
  const [width, height] = [5, 3];
  const headerBytes = core ? 12 : 40;
  const entry = core ? 3 : 4;
  const pixelsAt = 14 + headerBytes + 4 * masks.length + entry * palette.length;
  const stride = 4 * Math.ceil((width * bits) / 32);
  const file = Buffer.alloc(pixelsAt + stride * height);
  file.write('BM');
  file.writeUInt32LE(file.length, 2);
  file.writeUInt32LE(pixelsAt, 10);
  file.writeUInt32LE(headerBytes, 14);
  if (core) for (const [i, v] of [width, height, 1, bits].entries()) file.writeUInt16LE(v, 18 + 2 * i);
  else {
    file.writeInt32LE(width, 18);
    file.writeInt32LE(topDown ? -height : height, 22);
    file.writeUInt16LE(1, 26);
    file.writeUInt16LE(bits, 28);
    file.writeUInt32LE(compression, 30);
  }
  for (const [i, mask] of masks.entries()) file.writeUInt32LE(mask >>> 0, 54 + 4 * i);
  for (const [i, [r, g, b]] of palette.entries()) file.set([b, g, r], 14 + headerBytes + entry * i);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const row = pixelsAt + stride * (topDown ? y : height - 1 - y);
      const v = value(x, y);
      if (bits < 8) file[row + ((x * bits) >> 3)] |= v << (8 - bits - ((x * bits) & 7));
      else file.writeUIntLE(v, row + (x * bits) / 8, bits / 8);
    }
  return file;
}

const colours = Array.from({ length: 16 }, (_, i) => [i * 10, 255 - i * 10, (i * 77) & 255]);
const at = (data: Uint8Array, x: number, y: number) => [...data.subarray(3 * (5 * y + x), 3 * (5 * y + x) + 3)];

describe('decodeBmp', () => {
  it.each([
    ['24 bits', { bits: 24 }],
    ['24 bits from the top', { bits: 24, topDown: true }],
    ['24 bits of OS/2', { bits: 24, core: true }],
    ['32 bits', { bits: 32 }],
    ['32 bits with usual masks', { bits: 32, compression: 3, masks: [0xff0000, 0xff00, 0xff] }],
  ] as [string, Kind][])('%s', (_, kind) => {
    const { width, height, data } = decodeBmp(bmp(kind, (x, y) => (x << 16) | ((20 * y) << 8) | (x + y)));
    expect([width, height]).toEqual([5, 3]);
    for (let y = 0; y < 3; y++) for (let x = 0; x < 5; x++) expect(at(data, x, y)).toEqual([x, 20 * y, x + y]);
  });

  it('32 bits with other masks; alpha is dropped', () => {
    const kind = { bits: 32, compression: 3, masks: [0xff000000, 0x00ff0000, 0x0000ff00] };
    const { data } = decodeBmp(bmp(kind, (x, y) => ((200 + x) * 2 ** 24 + ((10 * y) << 16) + (7 << 8) + 128) >>> 0));
    expect(at(data, 4, 2)).toEqual([204, 20, 7]);
  });

  it.each([
    ['16 bits, 5-5-5', { bits: 16 }, (31 << 10) | (16 << 5) | 1, [255, 131, 8]],
    ['16 bits, 5-6-5', { bits: 16, compression: 3, masks: [0xf800, 0x07e0, 0x001f] }, (31 << 11) | (33 << 5) | 2, [255, 133, 16]],
  ] as [string, Kind, number, number[]][])('%s', (_, kind, value, colour) => {
    expect(at(decodeBmp(bmp(kind, () => value)).data, 3, 1)).toEqual(colour);
  });

  it.each([
    [1, 2],
    [4, 16],
    [8, 16],
  ])('a palette of %i bits', (bits, count) => {
    for (const core of [false, true]) {
      const { data } = decodeBmp(bmp({ bits, core, palette: colours.slice(0, count) }, (x, y) => (x + 2 * y) % count));
      for (let y = 0; y < 3; y++) for (let x = 0; x < 5; x++) expect(at(data, x, y)).toEqual(colours[(x + 2 * y) % count]);
    }
  });

  it('refuses what it does not know and what is cut short', () => {
    const file = bmp({ bits: 24 }, () => 0);
    expect(() => decodeBmp(file.subarray(0, -2))).toThrow(/truncated/);
    expect(() => decodeBmp(file.subarray(0, 20))).toThrow(FormatError);
    expect(() => decodeBmp(bmp({ bits: 8, compression: 1 }, () => 0))).toThrow(
      /expected an uncompressed picture, got compression 1\. Save it as PNG/,
    );
    const flat = Buffer.from(file);
    flat.writeInt32LE(0, 18);
    expect(() => decodeBmp(flat)).toThrow(/above 0/);
  });

  it('is read as any other picture', async () => {
    const file = bmp({ bits: 24 }, (x, y) => x + 256 * y);
    expect(await decodePicture(file)).toMatchObject({ width: 5, height: 3 });
    await expect(decodePicture(file.subarray(0, 60), { name: 'a.bmp' })).rejects.toThrow(/\[a\.bmp\].*truncated/);
    await expect(decodePicture(file.subarray(0, 60))).rejects.toBeInstanceOf(DataError);
    await expect(openPicture(file, { maxPixels: 14 })).rejects.toThrow(/megapixels/);
  });
});
