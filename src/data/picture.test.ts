import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DataError } from '../core/errors.ts';
import { Rng } from '../core/rng.ts';
import { decodePicture, openPicture } from './picture.ts';
import { Scratch } from './scratch.ts';

const [width, height] = [40, 30];
const rgb = Buffer.from(Array.from({ length: 3 * width * height }, (_, i) => (7 * i + 3 * Math.floor(i / 120)) & 255));
const raw = (channels: 1 | 2 | 3 | 4, data: Uint8Array = rgb) => sharp(data, { raw: { width, height, channels } });
const smooth = Buffer.from(Array.from({ length: 3 * width * height }, (_, i) => 4 * (Math.floor(i / 3) % width) + 20 * (i % 3)));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-picture-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function inFile(name: string, bytes: Uint8Array | string): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, bytes);
  return file;
}

const largest = (a: Uint8Array, b: Uint8Array) =>
  a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i])), a.length === b.length ? 0 : 999);

describe('decodePicture', () => {
  it.each([
    ['png', () => raw(3).png()],
    ['webp', () => raw(3).webp({ lossless: true })],
    ['tiff', () => raw(3).tiff({ compression: 'lzw' })],
  ] as const)('reads %s to the last bit', async (kind, make) => {
    const picture = await decodePicture(await inFile(`exact.${kind}`, await make().toBuffer()));
    expect(picture).toEqual({ width, height, data: expect.anything() });
    expect(largest(picture.data, rgb)).toBe(0);
  });

  it.each([
    ['jpg', () => raw(3, smooth).jpeg({ quality: 95 })],
    ['progressive.jpeg', () => raw(3, smooth).jpeg({ quality: 95, progressive: true })],
    ['gif', () => raw(3, smooth).gif()],
  ] as const)('reads %s', async (kind, make) => {
    const picture = await decodePicture(await inFile(`near.${kind}`, await make().toBuffer()));
    expect([picture.width, picture.height]).toEqual([width, height]);
    expect(largest(picture.data, smooth)).toBeLessThan(20);
  });

  it('gives the same numbers as libvips for JPEG', async () => {
    const file = await raw(3).jpeg({ quality: 70 }).toBuffer();
    expect(largest((await decodePicture(file)).data, await sharp(file).raw().toBuffer())).toBe(0);
  });

  it('drops alpha without blending', async () => {
    const rgba = Buffer.from(
      Array.from({ length: 4 * width * height }, (_, i) => (i % 4 === 3 ? (i * 5) & 255 : rgb[3 * (i >> 2) + (i % 4)])),
    );
    const { data } = await decodePicture(await raw(4, rgba).png().toBuffer());
    expect(largest(data, rgb)).toBe(0);
  });

  it('makes RGB of grey, of grey with alpha, and of a palette', async () => {
    const grey = Buffer.from(Array.from({ length: width * height }, (_, i) => (i * 3) & 255));
    const tripled = Buffer.from(Array.from({ length: 3 * width * height }, (_, i) => grey[Math.floor(i / 3)]));
    const withAlpha = Buffer.from(Array.from({ length: 2 * width * height }, (_, i) => (i & 1 ? 77 : grey[i >> 1])));
    expect(largest((await decodePicture(await raw(1, grey).toColourspace('b-w').png().toBuffer())).data, tripled)).toBe(0);
    expect(largest((await decodePicture(await raw(2, withAlpha).png().toBuffer())).data, tripled)).toBe(0);
    const jpeg = await raw(1, grey).toColourspace('b-w').jpeg().toBuffer();
    expect((await decodePicture(jpeg)).data.every((v, i, all) => v === all[i - (i % 3)])).toBe(true);
    const blocks = smooth.map((v) => (v > 80 ? 200 : 40));
    expect(largest((await decodePicture(await raw(3, blocks).png({ palette: true }).toBuffer())).data, blocks)).toBe(0);
  });

  it('keeps the upper 8 of 16 bits', async () => {
    const sixteen = Uint16Array.from({ length: width * height }, (_, i) => (i * 517) & 65535);
    const png = await sharp(sixteen, { raw: { width, height, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    expect((await sharp(png).metadata()).depth).toBe('ushort');
    expect((await decodePicture(png)).data.every((v, i) => v === sixteen[Math.floor(i / 3)] >> 8)).toBe(true);
  });

  it('makes RGB of CMYK as PIL does', async () => {
    const tiff = await raw(3).toColourspace('cmyk').tiff().toBuffer();
    const ink = await sharp(tiff).pipelineColourspace('cmyk').toColourspace('cmyk').raw().toBuffer();
    const { data } = await decodePicture(tiff);
    for (let i = 0; i < width * height; i++)
      for (let c = 0; c < 3; c++) {
        const light = 255 - ink[4 * i + 3];
        expect(Math.abs(data[3 * i + c] - Math.max(0, light - Math.round((ink[4 * i + c] * light) / 255)))).toBe(0);
      }
  });

  it('ignores colour profiles', async () => {
    const profiled = await raw(3).withIccProfile('p3').png().toBuffer();
    expect((await sharp(profiled).metadata()).hasProfile).toBe(true);
    const stored = await sharp(profiled, { ignoreIcc: true }).raw().toBuffer();
    expect(largest((await decodePicture(profiled)).data, stored)).toBe(0);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('follows EXIF orientation %i, of parts too', async (orientation) => {
    for (const file of [
      await raw(3).withMetadata({ orientation }).jpeg().toBuffer(),
      await raw(3).withMetadata({ orientation }).jpeg({ progressive: true }).toBuffer(),
      await raw(3).withMetadata({ orientation }).png().toBuffer(),
    ]) {
      const upright = await sharp(file).autoOrient().raw().toBuffer({ resolveWithObject: true });
      const source = await openPicture(file);
      expect([source.width, source.height]).toEqual([upright.info.width, upright.info.height]);
      expect(largest((await source.decode()).data, upright.data)).toBe(0);
      const region = { x: 5, y: 8, width: 11, height: 9 };
      const part = await sharp(upright.data, { raw: upright.info }).extract({ left: 5, top: 8, width: 11, height: 9 }).raw().toBuffer();
      const { width, height, data, window = { x: 0, y: 0, width, height } } = await source.decode(region);
      expect([width, height]).toEqual([source.width, source.height]);
      const got = await sharp(data, { raw: { width: window.width, height: window.height, channels: 3 } })
        .extract({ left: 5 - window.x, top: 8 - window.y, width: 11, height: 9 })
        .raw()
        .toBuffer();
      expect(largest(got, part)).toBe(0);
      if (source.decodeNow) expect(window).toEqual(region);
    }
  });

  it('reads the first frame of an animation', async () => {
    const frames = Buffer.concat([smooth, smooth.map((v) => 255 - v)]);
    const gif = await sharp(frames, { raw: { width, height: 2 * height, channels: 3, pageHeight: height } })
      .gif({ delay: [50, 50] })
      .toBuffer();
    expect((await sharp(gif).metadata()).pages).toBe(2);
    const picture = await decodePicture(gif);
    expect([picture.width, picture.height]).toEqual([width, height]);
    expect(largest(picture.data, smooth)).toBeLessThan(20);
  });

  it('reads panoramas of 10 000 pixels, and names with spaces, quotes and emoji', async () => {
    const panorama = sharp({ create: { width: 10000, height: 900, channels: 3, background: { r: 200, g: 100, b: 50 } } });
    const file = await inFile(`it's "a" 花 🌻.jpg`, await panorama.jpeg().toBuffer());
    const { width, height, data } = await decodePicture(file);
    expect([width, height, data.length]).toEqual([10000, 900, 27_000_000]);
    expect(Math.abs(data[13_500_000] - 200)).toBeLessThan(4);
  });
});

describe('what cannot be decoded is named', () => {
  const complaint = async (name: string, bytes: Uint8Array | string) => {
    const file = await inFile(name, bytes);
    const error = await decodePicture(file).then(
      () => undefined,
      (e) => e,
    );
    expect(error).toBeInstanceOf(DataError);
    expect(error.complaint.where).toBe(file);
    return error.message as string;
  };

  it('a text, an empty file, another kind of file', async () => {
    expect(await complaint('notes.jpg', 'These are no pixels.')).toMatch(/expected a picture \(JPEG, PNG.*got .*unsupported/);
    expect(await complaint('empty.png', '')).toMatch(/got an empty file/);
    expect(await complaint('drawing.png', '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')).toMatch(
      /got a file of the kind svg/,
    );
  });

  it.each(['jpeg', 'png', 'webp', 'tiff'] as const)('a %s that is cut short', async (kind) => {
    const file = await raw(3).toFormat(kind).toBuffer();
    expect(await complaint(`half.${kind}`, file.subarray(0, Math.floor(file.length * 0.6)))).toMatch(/replace it or leave it out/);
  });

  it('many at once that are cut short, each with a reason', async () => {
    const file = await raw(3).jpeg().toBuffer();
    const cut = file.subarray(0, file.length >> 1);
    const attempts = Array.from({ length: 64 }, (_, i) =>
      decodePicture(i % 2 ? cut : 'no picture', { name: 'x.jpg' }).catch((error) => `${error}`),
    );
    for (const words of await Promise.all(attempts)) expect(words).not.toContain('Unknown error');
  });

  it('a JPEG that lacks only its end', async () => {
    const file = await raw(3).jpeg().toBuffer();
    expect(await complaint('end.jpg', file.subarray(0, -2))).toMatch(/premature end/);
    const part = await openPicture(file.subarray(0, -40), { name: 'x.jpg' });
    await expect(part.decode({ x: 0, y: 0, width: 4, height: 4 })).rejects.toThrow(/\[x\.jpg\]/);
  });

  it('a missing file and a folder', async () => {
    await expect(decodePicture(path.join(folder, 'nowhere.jpg'))).rejects.toThrow(
      /nowhere\.jpg\] expected a picture that can be read, got ENOENT/,
    );
    await mkdir(path.join(folder, 'sub.jpg'));
    await expect(decodePicture(path.join(folder, 'sub.jpg'))).rejects.toThrow(/got EISDIR/);
  });

  it('one with more pixels than allowed, before it is decoded', async () => {
    const bytes = await raw(3).jpeg().toBuffer();
    const sizeAt = bytes.indexOf(Buffer.from([0xff, 0xc0])) + 5;
    bytes.writeUInt16BE(60000, sizeAt);
    bytes.writeUInt16BE(60000, sizeAt + 2);
    expect(await complaint('bomb.jpg', bytes)).toMatch(/got 60000 × 60000: 3600 megapixels, more than 179/);
    for (const kind of ['png', 'webp', 'gif'] as const)
      await expect(openPicture(await raw(3).toFormat(kind).toBuffer(), { maxPixels: 1199 })).rejects.toThrow(/megapixels/);
  });

  it('and no damage makes anything else happen', async () => {
    const files = [await raw(3).jpeg().toBuffer(), await raw(3).jpeg({ chromaSubsampling: '4:4:4' }).toBuffer()];
    const rng = new Rng('damage');
    for (let n = 0; n < 300; n++) {
      const bytes = Buffer.from(files[n % 2]);
      for (let k = 0; k <= n % 5; k++) bytes[2 + rng.int(bytes.length - 2)] = rng.int(256);
      await decodePicture(bytes.subarray(0, rng.int(3) ? bytes.length : rng.int(bytes.length)), { maxPixels: 1e6 }).catch((error) => {
        if (!(error instanceof DataError)) throw error;
      });
    }
  });
});

it('decodeNow writes into the room it is given, and leaves to libvips what is not its own', async () => {
  const jpeg = await openPicture(await raw(3).jpeg().toBuffer());
  const scratch = new Scratch();
  const region = { x: 0, y: 0, width, height };
  const picture = jpeg.decodeNow!(region, scratch)!;
  expect(scratch.holds(picture.data)).toBe(true);
  expect(largest(picture.data, (await jpeg.decode()).data)).toBe(0);
  expect((await openPicture(await raw(3).png().toBuffer())).decodeNow).toBeUndefined();
});
