import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cifarClasses } from './cifar.ts';
import { randomSamples } from './random-samples.ts';
import { openSmallPictures } from './small-pictures.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-small-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function writePicture(name: string, level: number, [width, height] = [40, 60]) {
  const file = path.join(folder, name);
  await mkdir(path.dirname(file), { recursive: true });
  await sharp({ create: { width, height, channels: 3, background: { r: level, g: 0, b: 255 } } }).toFile(file);
}

describe('openSmallPictures', () => {
  it('reduces the pictures of a folder and takes its test part, names included', async () => {
    for (const part of ['train', 'test'])
      for (const name of ['1', '2']) await writePicture(`${part}/${name}/a.png`, name === '1' ? 51 : 102);
    await writeFile(path.join(folder, 'cat_to_name.json'), '{"1": "rose", "2": "tulip"}');
    const { train, test, name, notes } = await openSmallPictures(folder, { sizePx: 8 });
    expect(notes.join()).not.toContain('cat_to_name');
    expect([train.length, test.length, train.sampleShape, train.classes]).toEqual([2, 2, [3, 8, 8], ['rose', 'tulip']]);
    expect(name).toBe(path.basename(folder));
    const into = new Float32Array(3 * 64);
    await test.read([1], into);
    expect([into[0], into[64], into[191]]).toEqual([0.4, 0, 1].map(Math.fround));
    expect((await openSmallPictures(folder)).train.sampleShape).toEqual([3, 32, 32]);
  });

  it('takes a fifth of a folder without parts, and says so', async () => {
    for (const name of ['x', 'y']) for (let i = 0; i < 10; i++) await writePicture(`${name}/${i}.png`, i);
    const { train, test, notes } = await openSmallPictures(folder);
    expect(train.length + test.length).toBe(20);
    expect(test.length).toBeGreaterThanOrEqual(2);
    expect(notes.at(-1)).toBe(`${folder} has no test part: about 20 % of its pictures test`);
  });

  it('reads a folder of CIFAR-10’s classes strictly', async () => {
    for (const part of ['train', 'test']) for (const name of cifarClasses) await writePicture(`${part}/${name}/a.png`, 9, [32, 32]);
    const { train, test } = await openSmallPictures(folder);
    expect([train.name, test.length, train.classes]).toEqual(['cifar10 train', 10, cifarClasses]);
    await writePicture('test/frog/wide.png', 0, [33, 32]);
    await expect(openSmallPictures(folder)).rejects.toThrow(/wide\.png\] expected 32×32 px.*33×32/);
    await expect(openSmallPictures(folder, { sizePx: 16 })).rejects.toThrow(/\[size\] expected 32, the size of .*’s pictures, got 16/);
  });

  it('names a data set that is none, the nearest name, folders without classes and sizes out of range', async () => {
    await expect(openSmallPictures('mnits')).rejects.toThrow(/got 'mnits', which is neither\. Did you mean 'mnist'\?/);
    await expect(openSmallPictures('flowers')).rejects.toThrow(/got 'flowers', which is neither\.$/);
    await expect(openSmallPictures(path.join(folder, 'none'))).rejects.toThrow(/none\] expected a folder that can be read/);
    await expect(openSmallPictures(folder)).rejects.toThrow(/expected class folders with pictures/);
    await writePicture('train/only/a.png', 0);
    await writePicture('test/only/a.png', 0);
    await expect(openSmallPictures(folder)).rejects.toThrow(/expected two or more classes with pictures, got only 'only'/);
    await expect(openSmallPictures(folder, { sizePx: 0 })).rejects.toThrow(/\[size\] expected an integer from 1 to 256, got 0/);
    await expect(openSmallPictures('mnist', { sizePx: 32 })).rejects.toThrow(/\[size\] expected 28, the size of mnist’s pictures, got 32/);
  });
});

describe('randomSamples', () => {
  it('draws samples without replacement, the same ones for a seed, and reads those', async () => {
    const labels = Int32Array.from({ length: 50 }, (_, i) => i);
    const read = (indices: ArrayLike<number>, into: Float32Array) => into.set(Float32Array.from(indices));
    const all = { name: 'numbers', length: 50, classes: Array.from(labels, String), sampleShape: [1, 1, 1], labels, read };
    const some = randomSamples(all, 20, 1);
    expect([some.length, new Set(some.labels).size]).toEqual([20, 20]);
    expect([...some.labels]).toEqual([...some.labels].sort((a, b) => a - b));
    expect(some.labels).toEqual(randomSamples(all, 20, 1).labels);
    expect(some.labels).not.toEqual(randomSamples(all, 20, 2).labels);
    const into = new Float32Array(2);
    await some.read([0, 19], into);
    expect([...into]).toEqual([some.labels[0], some.labels[19]]);
    expect(randomSamples(all, 50)).toBe(all);
    for (const n of [-5, 0, 1.5, Number.NaN]) expect(() => randomSamples(all, n)).toThrow(`[n] expected an integer from 1, got ${n}`);
  });
});
