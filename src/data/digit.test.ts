import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { DataError } from '../core/errors.ts';
import { readDigit } from './digit.ts';
import { loadMnist } from './mnist.ts';

const { test } = await loadMnist();
const indices = Array.from({ length: 12 }, (_, i) => 37 * i);

interface Rendering {
  name: string;
  /** Side of the enlarged digit. */
  sidePx: number;
  /** Canvas beside it: top, right, bottom, left. */
  marginsPx: [number, number, number, number];
  /** Level of the ink and of the paper. */
  ink: number;
  paper: number;
  format: 'png' | 'jpeg';
  /** Mean correlation to reach. */
  atLeast: number;
}

const renderings: Rendering[] = [
  { name: 'as it is', sidePx: 28, marginsPx: [0, 0, 0, 0], ink: 255, paper: 0, format: 'png', atLeast: 0.999 },
  { name: 'enlarged, inverted, shifted', sidePx: 112, marginsPx: [10, 0, 90, 40], ink: 0, paper: 255, format: 'png', atLeast: 0.93 },
  { name: 'as JPEG on a wide canvas', sidePx: 112, marginsPx: [5, 160, 60, 30], ink: 0, paper: 255, format: 'jpeg', atLeast: 0.93 },
  {
    name: 'larger than the working size, white on black',
    sidePx: 800,
    marginsPx: [0, 100, 0, 300],
    ink: 255,
    paper: 0,
    format: 'jpeg',
    atLeast: 0.93,
  },
  { name: 'small as JPEG', sidePx: 28, marginsPx: [8, 8, 8, 8], ink: 0, paper: 255, format: 'jpeg', atLeast: 0.93 },
  { name: 'grey on pale grey', sidePx: 140, marginsPx: [20, 20, 20, 20], ink: 60, paper: 187, format: 'jpeg', atLeast: 0.93 },
];

async function original(index: number): Promise<Float32Array> {
  const x = new Float32Array(784);
  await test.read([index], x);
  return x;
}

async function render(x: Float32Array, { sidePx, marginsPx, ink, paper, format }: Rendering): Promise<Buffer> {
  const [top, right, bottom, left] = marginsPx;
  const grey = Buffer.from(Array.from(x, (v) => Math.round(paper + (ink - paper) * v)));
  const digit = await sharp(grey, { raw: { width: 28, height: 28, channels: 1 } })
    .resize(sidePx, sidePx)
    .png()
    .toBuffer();
  return sharp(digit)
    .extend({ top, right, bottom, left, background: { r: paper, g: paper, b: paper } })
    .toFormat(format)
    .toBuffer();
}

function correlation(a: Float32Array, b: Float32Array): number {
  const mean = (v: Float32Array) => v.reduce((s, x) => s + x, 0) / v.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) ** 2;
    bb += (b[i] - mb) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

describe('readDigit', () => {
  it.each(renderings)('finds MNIST digits again: $name', async (rendering) => {
    const correlations = await Promise.all(
      indices.map(async (index) => {
        const x = await original(index);
        const { shape, data } = await readDigit(await render(x, rendering));
        expect(shape).toEqual([1, 28, 28]);
        expect(Math.max(...data)).toBeCloseTo(1, 5);
        expect(Math.min(...data)).toBeGreaterThanOrEqual(0);
        return correlation(x, data);
      }),
    );
    expect(correlations.reduce((a, b) => a + b) / correlations.length).toBeGreaterThan(rendering.atLeast);
  });

  it('reads the same from a BMP', async () => {
    const png = await render(await original(3), renderings[1]);
    const { data, info } = await sharp(png).removeAlpha().toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
    const stride = 4 * Math.ceil((3 * info.width) / 4);
    const bmp = Buffer.alloc(54 + stride * info.height);
    bmp.write('BM');
    for (const [at, value] of [
      [10, 54],
      [14, 40],
      [18, info.width],
      [22, -info.height],
      [26, 1 + 24 * 65536],
    ])
      bmp.writeInt32LE(value, at);
    for (let y = 0; y < info.height; y++)
      for (let i = 0; i < 3 * info.width; i++) bmp[54 + y * stride + i] = data[3 * y * info.width + i - (i % 3) + 2 - (i % 3)];
    expect(await readDigit(bmp)).toEqual(await readDigit(png));
  });

  it('fits the larger side into 20 px and lays the centre of mass in the middle', async () => {
    const bar = await sharp({ create: { width: 300, height: 200, channels: 3, background: 'white' } })
      .composite([{ input: { create: { width: 40, height: 160, channels: 3, background: 'navy' } }, left: 30, top: 20 }])
      .png()
      .toBuffer();
    const { data } = await readDigit(bar);
    const rows = Array.from({ length: 28 }, (_, y) => data.subarray(28 * y, 28 * y + 28).some((v) => v > 0.5));
    const columns = Array.from({ length: 28 }, (_, x) => rows.some((_, y) => data[28 * y + x] > 0.5));
    expect([rows.indexOf(true), rows.lastIndexOf(true)]).toEqual([5, 24]);
    expect([columns.indexOf(true), columns.lastIndexOf(true)]).toEqual([12, 16]);
  });

  it('takes transparent parts for paper, under dark ink and under white ink', async () => {
    const x = await original(0);
    for (const level of [0, 255]) {
      const rgba = Buffer.from(Array.from(x).flatMap((v) => [level, level, level, Math.round(255 * v)]));
      const png = await sharp(rgba, { raw: { width: 28, height: 28, channels: 4 } })
        .png()
        .toBuffer();
      expect(correlation(x, (await readDigit(png)).data), `ink ${level}`).toBeGreaterThan(0.99);
    }
  });

  it('is not misled by the grain of a photograph', async () => {
    const x = await original(0);
    const clean = await render(x, { ...renderings[1], sidePx: 400, ink: 40, paper: 170 });
    const { data, info } = await sharp(clean).greyscale().raw().toBuffer({ resolveWithObject: true });
    const noisy = data.map((level, i) => level + ((i * 7919) % 51) - 25);
    const photo = await sharp(noisy, { raw: { width: info.width, height: info.height, channels: 1 } })
      .jpeg()
      .toBuffer();
    expect(correlation(x, (await readDigit(photo)).data)).toBeGreaterThan(0.85);
  });

  it('follows light that falls off over the sheet, unless ink lies along an edge', async () => {
    const x = await original(0);
    const { data, info } = await sharp(await render(x, { ...renderings[1], sidePx: 200, ink: 0, paper: 255 }))
      .greyscale()
      .raw()
      .toBuffer({ resolveWithObject: true });
    const dimmed = data.map((level, i) => level * (1 - (0.5 * (i % info.width)) / info.width));
    const photo = await sharp(dimmed, { raw: { width: info.width, height: info.height, channels: 1 } })
      .png()
      .toBuffer();
    expect(correlation(x, (await readDigit(photo)).data)).toBeGreaterThan(0.85);
    // A T cut to its ink: its bar fills the top edge.
    const stroke = (left: number, width: number, height: number) => ({
      input: { create: { width, height, channels: 3 as const, background: 'black' } },
      left,
      top: 0,
    });
    const tight = await sharp({ create: { width: 100, height: 140, channels: 3, background: 'white' } })
      .composite([stroke(0, 100, 20), stroke(40, 30, 140)])
      .png()
      .toBuffer();
    const roomy = await sharp(tight).extend({ top: 30, bottom: 30, left: 30, right: 30, background: 'white' }).toBuffer();
    expect(correlation((await readDigit(roomy)).data, (await readDigit(tight)).data)).toBeGreaterThan(0.99);
  });

  it('reads a file by its path and follows its EXIF orientation', async () => {
    const dir = await mkdtemp(path.join(tmpdir(), 'fovea-digit-'));
    try {
      const x = await original(0);
      const upright = await render(x, renderings[1]);
      const file = path.join(dir, 'seven.jpg');
      // Stored turned by 90° to the left, with the note to turn it back.
      await writeFile(
        file,
        await sharp(await sharp(upright).rotate(-90).toBuffer())
          .withMetadata({ orientation: 6 })
          .jpeg()
          .toBuffer(),
      );
      expect(correlation(x, (await readDigit(file)).data)).toBeGreaterThan(0.8);
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  it('refuses a blank picture, a broken one and one that is not there', async () => {
    const blank = await sharp({ create: { width: 40, height: 40, channels: 3, background: 'white' } })
      .png()
      .toBuffer();
    await expect(readDigit(blank, 'blank.png')).rejects.toThrow(/\[blank\.png\] expected a digit that stands out.*blank picture/);
    await expect(readDigit(Buffer.from('no picture'), 'text.png')).rejects.toThrow(/\[text\.png\] expected a picture \(PNG, JPEG/);
    const cut = await render(await original(0), renderings[1]);
    await expect(readDigit(cut.subarray(0, cut.length / 2))).rejects.toThrow(DataError);
    await expect(readDigit('/nowhere/seven.png')).rejects.toThrow(/\[\/nowhere\/seven\.png\] expected a picture, got ENOENT/);
  });
});
