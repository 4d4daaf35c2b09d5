import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { DataError, ShapeError } from '../../core/errors.ts';
import { Rng } from '../../core/rng.ts';
import { decodePicture, openPicture, type Picture } from '../picture.ts';
import { compose, presetTransforms, type Step } from './index.ts';

const noise = (width: number, height: number): Picture => {
  const rng = new Rng('picture');
  return { width, height, data: Uint8Array.from({ length: 3 * width * height }, () => rng.int(256)) };
};
const jpegOf = ({ width, height, data }: Picture) =>
  sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg()
    .toBuffer();
const draws = (specs: unknown[], times: number, size = { width: 100, height: 80 }) => {
  const pipeline = compose([...specs, { name: 'ToTensor' }]);
  return Array.from({ length: times }, (_, i) => pipeline.draw(new Rng(0, 'augment', 0, i), size).slice(0, -1));
};
const only = <O extends Step['op']>(steps: Step[][], op: O) => steps.flat().filter((s): s is Extract<Step, { op: O }> => s.op === op);
const mean = (x: number[]) => x.reduce((a, b) => a + b, 0) / x.length;
const near = (x: number, y: number, tolerance: number) => expect(Math.abs(x - y)).toBeLessThan(tolerance);

describe('draw', () => {
  it('depends on the generator alone, and is plain data', () => {
    const { train } = presetTransforms('course', { size: 32 });
    const drawn = (seed: number) => compose(train).draw(new Rng(seed, 'augment', 3, 7), { width: 60, height: 50 });
    expect(drawn(0)).toEqual(drawn(0));
    expect(drawn(0)).not.toEqual(drawn(1));
    expect(JSON.parse(JSON.stringify(drawn(0)))).toEqual(drawn(0));
  });

  it('RandomRotation: evenly between the ends', () => {
    const angles = only(draws([{ name: 'RandomRotation', degrees: 45 }], 2000), 'rotate').map(({ angle }) => angle);
    near(mean(angles), 0, 2);
    near(mean(angles.map(Math.abs)), 22.5, 1);
    near(Math.max(...angles), 45, 0.5);
    const between = only(draws([{ name: 'RandomRotation', degrees: [10, 20] }], 200), 'rotate').map(({ angle }) => angle);
    expect(between.every((a) => a >= 10 && a <= 20)).toBe(true);
  });

  it('flips and RandomGrayscale: with probability p', () => {
    near(draws([{ name: 'RandomHorizontalFlip', p: 0.3 }], 3000).filter((s) => s.length > 0).length / 3000, 0.3, 0.03);
    near(draws([{ name: 'RandomVerticalFlip' }], 3000).filter((s) => s.length > 0).length / 3000, 0.5, 0.03);
    near(draws([{ name: 'RandomGrayscale' }], 3000).filter((s) => s.length > 0).length / 3000, 0.1, 0.02);
    expect(only(draws([{ name: 'RandomVerticalFlip', p: 1 }], 3), 'flip')).toEqual(Array(3).fill({ op: 'flip', axis: 'vertical' }));
  });

  it('ColorJitter: all orders, factors around the neutral one; what is off is left out', () => {
    const steps = draws([{ name: 'ColorJitter', brightness: 0.2, contrast: [0.5, 0.7], saturation: 2, hue: 0.1 }], 2000);
    const orders = new Set(steps.map((s) => s.map(({ op }) => op).join()));
    expect(orders.size).toBe(24);
    const factors = (op: 'brightness' | 'contrast' | 'saturation' | 'hue') => only(steps, op).map(({ factor }) => factor);
    near(Math.min(...factors('brightness')), 0.8, 0.01);
    near(Math.max(...factors('brightness')), 1.2, 0.01);
    near(mean(factors('contrast')), 0.6, 0.01);
    near(Math.min(...factors('saturation')), 0, 0.02);
    near(Math.max(...factors('saturation')), 3, 0.02);
    near(mean(factors('hue').map(Math.abs)), 0.05, 0.01);
    expect(draws([{ name: 'ColorJitter', hue: 0.1 }], 20).every((s) => s.length === 1 && s[0].op === 'hue')).toBe(true);
  });

  it('RandomCrop: every place alike, after padding', () => {
    const crops = only(draws([{ name: 'RandomCrop', size: 20, padding: 2 }], 3000, { width: 20, height: 18 }), 'crop');
    expect(new Set(crops.map(({ left }) => left))).toEqual(new Set([0, 1, 2, 3, 4]));
    expect(new Set(crops.map(({ top }) => top))).toEqual(new Set([0, 1, 2]));
    near(crops.filter(({ left }) => left === 4).length / 3000, 0.2, 0.03);
    expect(draws([{ name: 'RandomCrop', size: [30, 40], padIfNeeded: true, fill: 9 }], 1, { width: 31, height: 30 })[0][0]).toEqual({
      op: 'pad',
      left: 9,
      top: 0,
      right: 9,
      bottom: 0,
      mode: 'constant',
      fill: [9, 9, 9],
    });
    expect(() => draws([{ name: 'RandomCrop', size: 90 }], 1)).toThrow(
      /\[RandomCrop\] expected a picture of at least 90 × 90, got 100 × 80/,
    );
  });

  it('RandomResizedCrop: area and ratio within their ends, always inside; the middle where nothing fits', () => {
    const steps = draws([{ name: 'RandomResizedCrop', size: [16, 24] }], 2000);
    expect(only(steps, 'resize').every(({ width, height }) => width === 24 && height === 16)).toBe(true);
    const crops = only(steps, 'crop');
    for (const { left, top, width, height } of crops) {
      expect(left >= 0 && top >= 0 && left + width <= 100 && top + height <= 80).toBe(true);
      expect(width / height).toBeGreaterThan(0.7);
      expect(width / height).toBeLessThan(1.42);
    }
    const areas = crops.map(({ width, height }) => (width * height) / 8000);
    near(Math.min(...areas), 0.08, 0.01);
    expect(mean(areas)).toBeGreaterThan(0.4);
    const wide = only(draws([{ name: 'RandomResizedCrop', size: 8, scale: [1, 1], ratio: [1, 1] }], 1, { width: 300, height: 30 }), 'crop');
    expect(wide).toEqual([{ op: 'crop', left: 135, top: 0, width: 30, height: 30 }]);
    const tall = only(draws([{ name: 'RandomResizedCrop', size: 8, scale: [1, 1] }], 1, { width: 30, height: 301 }), 'crop');
    expect(tall).toEqual([{ op: 'crop', left: 0, top: 130, width: 30, height: 40 }]);
  });

  it('GaussianBlur and RandomErasing', () => {
    const sigmas = only(draws([{ name: 'GaussianBlur', kernelSize: [5, 3] }], 500), 'blur').map(({ sigma }) => sigma);
    near(Math.min(...sigmas), 0.1, 0.05);
    near(Math.max(...sigmas), 2, 0.05);
    const pipeline = compose([{ name: 'ToTensor' }, { name: 'RandomErasing', p: 0.7, value: 'random' }]);
    const erased = Array.from({ length: 1000 }, (_, i) => only([pipeline.draw(new Rng(i), { width: 50, height: 40 })], 'erase')).flat();
    near(erased.length / 1000, 0.7, 0.06);
    for (const { left, top, width, height } of erased) {
      expect(left >= 0 && top >= 0 && left + width <= 50 && top + height <= 40).toBe(true);
      expect((width * height) / 2000).toBeLessThan(0.36);
    }
  });

  it('Letterbox keeps the ratio', () => {
    expect(draws([{ name: 'Letterbox', size: 50, fill: [1, 2, 3] }], 1)[0]).toEqual([
      { op: 'resize', width: 50, height: 40, filter: 'bilinear' },
      { op: 'pad', left: 0, top: 5, right: 0, bottom: 5, mode: 'constant', fill: [1, 2, 3] },
    ]);
  });
});

describe('replay', () => {
  it('gives the same numbers for the same steps, at its offset and nowhere else', () => {
    const pipeline = compose(presetTransforms('standard', { size: 16 }).train);
    const picture = noise(60, 44);
    const before = Uint8Array.from(picture.data);
    const first = new Float32Array(3 * 256 + 10).fill(99);
    const steps = pipeline.run(picture, new Rng(5), first, 4);
    const second = new Float32Array(3 * 256);
    pipeline.replay(picture, JSON.parse(JSON.stringify(steps)), second);
    expect(first.subarray(4, -6)).toEqual(second);
    expect([...first.subarray(0, 4), ...first.subarray(-6)]).toEqual(Array(10).fill(99));
    expect(picture.data).toEqual(before);
  });

  it('show gives the picture that becomes the tensor', () => {
    const { train } = presetTransforms('course', { size: 21 });
    const pipeline = compose(train);
    const picture = noise(40, 33);
    const into = new Float32Array(3 * 21 * 21);
    const steps = pipeline.run(picture, new Rng(11), into);
    const { data } = pipeline.show(picture, steps);
    const back = data.map((_, i) =>
      Math.round(255 * (into[(i % 3) * 441 + Math.floor(i / 3)] * [0.229, 0.224, 0.225][i % 3] + [0.485, 0.456, 0.406][i % 3])),
    );
    expect(back).toEqual(data);
  });

  it('erases with a number, one a channel, or noise, and normalises before and after', () => {
    const picture = noise(8, 6);
    const plain = new Float32Array(144);
    const into = new Float32Array(144);
    const pipeline = compose([{ name: 'ToTensor' }]);
    pipeline.replay(picture, [{ op: 'toTensor', channels: 3 }], plain);
    const erase = { op: 'erase', left: 2, top: 1, width: 3, height: 4 } as const;
    const inside = (i: number) => i % 8 >= 2 && i % 8 < 5 && Math.floor((i % 48) / 8) >= 1 && Math.floor((i % 48) / 8) < 5;
    const halves = { op: 'normalize', mean: [0.5, 0.5, 0.5], std: [2, 2, 2] } as const;
    pipeline.replay(picture, [{ op: 'toTensor', channels: 3 }, { ...erase, fill: { value: [7, 8, 9] } }, halves], into);
    for (let i = 0; i < 144; i++) expect(into[i]).toBeCloseTo(((inside(i) ? 7 + Math.floor(i / 48) : plain[i]) - 0.5) / 2, 5);
    pipeline.replay(picture, [{ op: 'toTensor', channels: 3 }, halves, { ...erase, fill: { noise: 4 } }], into);
    const drawn = [...into].filter((_, i) => inside(i));
    expect(new Set(drawn).size).toBe(36);
    near(mean(drawn), 0, 0.7);
    expect(into[0]).toBeCloseTo((plain[0] - 0.5) / 2, 6);
  });

  it.each([
    ['shorter', { width: 9, height: 9, data: new Uint8Array(3 * 81 - 1) }, 'expected 243 bytes for 9 × 9 px, got 242'],
    ['longer', { width: 9, height: 9, data: new Uint8Array(4 * 81) }, 'got 324. Take the alpha channel off'],
    ['a whole picture for a window', { ...noise(9, 9), window: { x: 0, y: 0, width: 9, height: 4 } }, 'expected 108 bytes for 9 × 4 px'],
    ['no size', { width: Number.NaN, height: 9, data: new Uint8Array(27) }, 'expected a width and a height from 1, got NaN × 9'],
  ])('refuses pixels that are not those of the size: %s', (_, picture, message) => {
    for (const list of [presetTransforms('course', { size: 4 }).train, [{ name: 'Grayscale' }, { name: 'ToTensor' }]]) {
      const pipeline = compose(list);
      const act = () => pipeline.run(picture, new Rng(0), new Float32Array(243));
      expect(act).toThrow(DataError);
      expect(act).toThrow(message);
      expect(() => pipeline.show(picture, [])).toThrow(message);
    }
  });

  it('checks the room and the shape', () => {
    const pipeline = compose([{ name: 'CenterCrop', size: 4 }, { name: 'ToTensor' }]);
    const steps = pipeline.draw(new Rng(0), { width: 9, height: 9 });
    expect(() => pipeline.replay(noise(9, 9), steps, new Float32Array(48), 1)).toThrow(ShapeError);
    expect(() => pipeline.replay(noise(9, 9), steps.slice(1), new Float32Array(999))).toThrow(/expected a sample \[3,4,4\], got \[3,9,9\]/);
  });
});

const lists: [string, unknown[]][] = [
  ['course', [...presetTransforms('course', { size: 40 }).train]],
  ['standard', [...presetTransforms('standard', { size: 40 }).train]],
  ['validation', [...presetTransforms('course', { size: 40 }).valid]],
  [
    'flip and pad before a bilinear rotation',
    [
      { name: 'RandomHorizontalFlip', p: 1 },
      { name: 'Pad', padding: 5, paddingMode: 'reflect' },
      { name: 'RandomRotation', degrees: 80, interpolation: 'bilinear' },
      { name: 'CenterCrop', size: 40 },
      { name: 'ToTensor' },
    ],
  ],
  [
    'crop, rotation, crop',
    [{ name: 'RandomCrop', size: 60 }, { name: 'RandomRotation', degrees: 180 }, { name: 'RandomCrop', size: 40 }, { name: 'ToTensor' }],
  ],
  ['a crop larger than the picture', [{ name: 'RandomRotation', degrees: 30 }, { name: 'CenterCrop', size: 140 }, { name: 'ToTensor' }]],
  [
    'rotation around a far corner',
    [{ name: 'RandomRotation', degrees: 90, center: [-40, 130] }, { name: 'CenterCrop', size: 40 }, { name: 'ToTensor' }],
  ],
];

describe.each(lists)('load: %s', (_, list) => {
  it('decodes no more than it needs, and gives what the whole picture gives', async () => {
    const pipeline = compose(list);
    const size = pipeline.sampleShape!.reduce((a, b) => a * b);
    const [part, whole] = [new Float32Array(size), new Float32Array(size)];
    const flat = ({ width, height, data }: Picture, level: number) => jpegOf({ width, height, data: data.map(() => level) });
    for (const original of [noise(117, 93), noise(70, 131)]) {
      const file = await jpegOf(original);
      const source = await openPicture(file);
      const picture = await decodePicture(file);
      // What an earlier picture left in the room must not show.
      const others = await Promise.all([0, 255].map(async (level) => openPicture(await flat(original, level))));
      for (let i = 0; i < 16; i++) {
        await pipeline.load(others[i % 2], new Rng(i, 'other'), part);
        const steps = await pipeline.load(source, new Rng(i), part);
        pipeline.replay(picture, steps, whole);
        expect(Buffer.compare(new Uint8Array(part.buffer), new Uint8Array(whole.buffer))).toBe(0);
        const { x, y, width, height } = pipeline.needs(steps, source);
        expect(x >= 0 && y >= 0 && x + width <= source.width && y + height <= source.height).toBe(true);
      }
    }
  });
});

describe('load', () => {
  it('needs only a part where a part is enough', () => {
    const pipeline = compose(presetTransforms('course', { size: 224 }).train);
    const steps = pipeline.draw(new Rng(1), { width: 1000, height: 700 });
    const { x, y, width, height, spans } = pipeline.needs(steps, { width: 1000, height: 700 });
    expect(width).toBeLessThan(224 * Math.SQRT2 + 6);
    expect(height).toBeLessThan(224 * Math.SQRT2 + 6);
    near(x + width / 2, 500, 2);
    near(y + height / 2, 350, 2);
    let pixels = 0;
    for (let r = 0; r < height; r++) pixels += spans![2 * r + 1] - spans![2 * r];
    expect(pixels).toBeGreaterThan(224 * 224);
    expect(pixels).toBeLessThan(224 * 224 * 1.2);
  });

  it('takes pictures of every kind, several at once', async () => {
    const pipeline = compose(presetTransforms('course', { size: 32 }).train);
    const { width, height, data } = noise(64, 50);
    const image = () => sharp(data, { raw: { width, height, channels: 3 } });
    const files = [await image().png().toBuffer(), await image().jpeg({ progressive: true }).toBuffer(), await image().jpeg().toBuffer()];
    const results = Array.from({ length: 9 }, () => new Float32Array(3 * 32 * 32));
    await Promise.all(results.map(async (into, i) => pipeline.load(await openPicture(files[i % 3]), new Rng(i), into)));
    for (const [i, into] of results.entries()) {
      const alone = new Float32Array(into.length);
      compose(pipeline.specs).run(await decodePicture(files[i % 3]), new Rng(i), alone);
      expect(into).toEqual(alone);
    }
  });

  it('names a broken file, and works on afterwards', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'fovea-transforms-'));
    try {
      const file = path.join(folder, 'cut.jpg');
      const bytes = await jpegOf(noise(64, 50));
      await writeFile(file, bytes.subarray(0, bytes.length / 2));
      const pipeline = compose(presetTransforms('none', { size: 16 }).train);
      const into = new Float32Array(3 * 16 * 16);
      const source = await openPicture(file);
      await expect(pipeline.load(source, new Rng(0), into)).rejects.toThrow(DataError);
      await expect(pipeline.load(source, new Rng(0), into)).rejects.toThrow(file);
      await pipeline.load(await openPicture(bytes), new Rng(0), into);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
