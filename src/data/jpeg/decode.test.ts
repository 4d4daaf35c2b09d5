import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { Rng } from '../../core/rng.ts';
import { Scratch } from '../scratch.ts';
import { decodeJpegRegion, type NeededRegion, readJpegHeader } from './index.ts';

interface Layout {
  width: number;
  height: number;
  /** Luma blocks per MCU; undefined: grey. */
  sampling?: [h: number, v: number];
  /** MCUs between restart markers. */
  restart?: number;
  /** Length of every AC code: codes of more than 10 bits take another way. */
  acBits: number;
  /** Share of blocks with more than their first coefficient. */
  detailRate: number;
}

/** Writes a JPEG of random coefficients, with code tables of equal lengths: kinds that no encoder at hand writes. */
function randomJpeg({ width, height, sampling, restart = 0, acBits, detailRate }: Layout): Buffer {
  const rng = new Rng('jpeg', width, height);
  const [h, v] = sampling ?? [1, 1];
  const channels = sampling ? 3 : 1;
  const acSymbols = [0x00, 0xf0];
  for (let run = 0; run < 16; run++) for (let size = 1; size <= 8; size++) acSymbols.push((run << 4) | size);
  const word = (x: number) => [x >> 8, x & 255];
  const segment = (code: number, body: number[]) => [0xff, code, ...word(body.length + 2), ...body];
  const table = (id: number, bits: number, symbols: number[]) =>
    segment(0xc4, [id, ...Array.from({ length: 16 }, (_, i) => (i === bits - 1 ? symbols.length : 0)), ...symbols]);
  const components = Array.from({ length: channels }, (_, c) => [c + 1, c === 0 ? (h << 4) | v : 0x11, 0]).flat();
  const bytes = [0xff, 0xd8, ...segment(0xdb, [0, ...Array.from({ length: 64 }, (_, k) => 3 + (k >> 2))])];
  bytes.push(...segment(0xc0, [8, ...word(height), ...word(width), channels, ...components]));
  bytes.push(...table(0x00, 4, [...Array(12).keys()]), ...table(0x10, acBits, acSymbols));
  if (restart) bytes.push(...segment(0xdd, word(restart)));
  bytes.push(...segment(0xda, [channels, ...Array.from({ length: channels }, (_, c) => [c + 1, 0]).flat(), 0, 63, 0]));

  let held = 0;
  let count = 0;
  const put = (value: number, bits: number) => {
    for (let b = bits - 1; b >= 0; b--) {
      held = (held << 1) | ((value >> b) & 1);
      if (++count < 8) continue;
      bytes.push(held);
      if (held === 0xff) bytes.push(0);
      [held, count] = [0, 0];
    }
  };
  const flush = () => {
    while (count > 0) put(1, 1);
  };
  const number = (value: number) => {
    const size = 32 - Math.clz32(Math.abs(value));
    return { size, extra: value < 0 ? value + (1 << size) - 1 : value };
  };
  const last = [0, 0, 0];
  const block = (c: number) => {
    const level = rng.int(160) - 80;
    const dc = number(level - last[c]);
    last[c] = level;
    put(dc.size, 4);
    put(dc.extra, dc.size);
    let k = 1;
    for (let more = rng.uniform() < detailRate; more && k < 64; more = rng.uniform() < 0.8) {
      const run = rng.int(Math.min(16, 64 - k));
      const { size, extra } = number((rng.int(60) + 1) * (rng.int(2) ? 1 : -1));
      put(acSymbols.indexOf((run << 4) | size), acBits);
      put(extra, size);
      k += run + 1;
    }
    if (k < 64) put(0, acBits);
  };
  const mcus = Math.ceil(width / (8 * h)) * Math.ceil(height / (8 * v));
  for (let mcu = 0; mcu < mcus; mcu++) {
    if (restart && mcu > 0 && mcu % restart === 0) {
      flush();
      bytes.push(0xff, 0xd0 + ((mcu / restart - 1) % 8));
      last.fill(0);
    }
    for (let c = 0; c < channels; c++) for (let n = c === 0 ? h * v : 1; n > 0; n--) block(c);
  }
  flush();
  return Buffer.from([...bytes, 0xff, 0xd9]);
}

const layouts: [string, Layout][] = [
  ['4:4:4', { width: 83, height: 61, sampling: [1, 1], acBits: 9, detailRate: 0.8 }],
  ['4:2:0', { width: 83, height: 61, sampling: [2, 2], acBits: 9, detailRate: 0.8 }],
  ['4:2:0, even sides', { width: 64, height: 48, sampling: [2, 2], acBits: 9, detailRate: 0.8 }],
  ['4:2:2', { width: 83, height: 61, sampling: [2, 1], acBits: 9, detailRate: 0.8 }],
  ['4:4:0', { width: 83, height: 61, sampling: [1, 2], acBits: 9, detailRate: 0.8 }],
  ['grey', { width: 83, height: 61, acBits: 9, detailRate: 0.8 }],
  ['long codes', { width: 83, height: 61, sampling: [2, 2], acBits: 13, detailRate: 0.8 }],
  ['codes of 16 bits', { width: 83, height: 61, sampling: [2, 1], acBits: 16, detailRate: 0.8 }],
  ['flat blocks', { width: 83, height: 61, sampling: [2, 2], acBits: 9, detailRate: 0 }],
  ['restarts every 3 MCUs', { width: 163, height: 161, sampling: [2, 2], acBits: 9, detailRate: 0.8, restart: 3 }],
  ['restarts every row', { width: 163, height: 161, sampling: [1, 1], acBits: 9, detailRate: 0.8, restart: 21 }],
  ['a few pixels', { width: 5, height: 1, sampling: [2, 2], acBits: 9, detailRate: 0.8 }],
  ['a column', { width: 1, height: 37, acBits: 9, detailRate: 0.8 }],
];

const expected = (file: Buffer) => sharp(file).toColourspace('srgb').raw().toBuffer();
const scratch = new Scratch();
const decode = (file: Buffer, region: NeededRegion) => decodeJpegRegion(file, readJpegHeader(file)!, region, scratch);
const equal = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

describe('decodeJpegRegion gives the numbers of libjpeg', () => {
  it.each(layouts)('%s', async (_, layout) => {
    const { width, height } = layout;
    const file = randomJpeg(layout);
    const whole = await expected(file);
    expect(new Set(whole).size).toBeGreaterThan(Math.min(20, width));
    expect(equal(decode(file, { x: 0, y: 0, width, height })!, whole)).toBe(true);
  });

  it.each(layouts.filter(([, { width, height }]) => width > 50 && height > 40))('of any part: %s', async (_, layout) => {
    const file = randomJpeg(layout);
    const whole = await expected(file);
    const rng = new Rng('parts');
    for (let n = 0; n < 30; n++) {
      const [x, y] = [rng.int(layout.width), rng.int(layout.height)];
      const region = { x, y, width: 1 + rng.int(layout.width - x), height: 1 + rng.int(layout.height - y) };
      const part = decode(file, region)!;
      for (let r = 0; r < region.height; r++) {
        const start = 3 * ((y + r) * layout.width + x);
        const row = part.subarray(3 * r * region.width, 3 * (r + 1) * region.width);
        expect(equal(row, whole.subarray(start, start + row.length)), `row ${r} of ${JSON.stringify(region)}`).toBe(true);
      }
    }
  });

  it('of the spans of a region, and of nothing else', async () => {
    const layout: Layout = { width: 163, height: 141, sampling: [2, 2], acBits: 9, detailRate: 0.8 };
    const file = randomJpeg(layout);
    const whole = await expected(file);
    const region = { x: 11, y: 9, width: 140, height: 120 };
    const rng = new Rng('spans');
    const spans = Int32Array.from({ length: 240 }, () => 11 + rng.int(141));
    for (let r = 0; r < 120; r++) spans.subarray(2 * r, 2 * r + 2).sort();
    decode(file, region);
    scratch.bytes(4, 3 * 140 * 120).fill(1);
    const part = decode(file, { ...region, spans })!;
    for (let r = 0; r < 120; r++)
      for (let x = spans[2 * r]; x < spans[2 * r + 1]; x++)
        for (let c = 0; c < 3; c++)
          if (part[3 * (r * 140 + x - 11) + c] !== whole[3 * ((9 + r) * 163 + x) + c]) expect.fail(`row ${r}, column ${x}`);
  });

  it('leaves files that are cut or damaged to libjpeg', () => {
    const file = randomJpeg(layouts[1][1]);
    const all = { x: 0, y: 0, width: 83, height: 61 };
    expect(decode(file.subarray(0, -2), all)).toBeUndefined();
    const shorter = Buffer.concat([file.subarray(0, file.length - 300), Buffer.from([0xff, 0xd9])]);
    expect(decode(shorter, all)).toBeUndefined();
    const odd = Buffer.from(file);
    odd.fill(0xfe, file.length - 900, file.length - 600);
    expect(decode(odd, all)).toBeUndefined();
    // And works on afterwards.
    expect(decode(file, all)).toBeDefined();
  });
});

describe('readJpegHeader', () => {
  const picture = sharp({ create: { width: 40, height: 30, channels: 3, background: 'teal' } });
  it('passes over what it does not know', async () => {
    expect(readJpegHeader(await picture.clone().jpeg({ progressive: true }).toBuffer())).toBeUndefined();
    expect(readJpegHeader(await picture.clone().png().toBuffer())).toBeUndefined();
    const file = await picture.clone().jpeg().toBuffer();
    expect(readJpegHeader(file)).toMatchObject({ width: 40, height: 30, orientation: 1 });
    for (let length = 0; length < readJpegHeader(file)!.scanStart; length++)
      expect(readJpegHeader(file.subarray(0, length))).toBeUndefined();
    const cmyk = await picture.clone().toColourspace('cmyk').jpeg().toBuffer();
    expect(readJpegHeader(cmyk)).toBeUndefined();
  });
});
