import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { mix32 } from '../../src/core/rng.ts';
import { decodePicture, openPicture, type Picture } from '../../src/data/picture.ts';
import { compose, presetTransforms, type Step } from '../../src/data/transforms/index.ts';

interface Golden {
  formula: { name: string; picture: [number, number, number]; tolerance: number; steps: Step[]; size: [number, number]; rgb: string }[];
  fixed: { name: string; picture: [number, number, number]; specs: unknown[]; shape: number[]; values: string }[];
  photos: {
    file: string;
    size: [number, number];
    sha256: string;
    steps?: Step[];
    train?: number[];
    trainSha256?: string;
    valid?: number[];
  }[];
}
const golden: Golden = JSON.parse(readFileSync(new URL('transforms.golden.json', import.meta.url), 'utf8'));
const photoFolder = fileURLToPath(new URL('../../../shared/data/', import.meta.url));

/** The formula of make_transforms_golden.py. */
function formulaPicture(seed: number, width: number, height: number): Picture {
  const start = Math.imul(seed, 0x9e3779b9);
  const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => {
    const c = i % 3;
    const x = Math.floor(i / 3) % width;
    const y = Math.floor(i / 3 / width);
    return 5 * x + 3 * (c + 1) * y + (mix32(start + i) >>> 26);
  });
  return { width, height, data };
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i] - b[i]));
  return largest;
}

const plain = compose([{ name: 'ToTensor' }]);

describe('steps equal torchvision on a PIL picture', () => {
  it.each(golden.formula)('$name: within $tolerance of 255', ({ picture, tolerance, steps, size, rgb }) => {
    const result = plain.show(formulaPicture(...picture), steps);
    expect([result.width, result.height]).toEqual(size);
    expect(largestDifference(result.data, Buffer.from(rgb, 'base64'))).toBeLessThanOrEqual(tolerance);
  });

  it.each(golden.formula)('$name: the same numbers in the tensor', ({ picture, steps, size }) => {
    const source = formulaPicture(...picture);
    const shown = plain.show(source, steps);
    const tensor = new Float32Array(3 * size[0] * size[1]);
    plain.replay(source, [...steps, { op: 'toTensor', channels: 3 }], tensor);
    const area = size[0] * size[1];
    expect(tensor.every((v, i) => v === Math.fround(shown.data[3 * (i % area) + Math.floor(i / area)] / 255))).toBe(true);
  });
});

describe('transforms equal torchvision, to the last bit of the normalised tensor', () => {
  it.each(golden.fixed)('$name', ({ picture, specs, shape, values }) => {
    const bytes = Buffer.from(values, 'base64');
    const expected = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    const pipeline = compose(specs);
    const source = formulaPicture(...picture);
    const into = new Float32Array(expected.length + 2).fill(-9);
    pipeline.replay(source, pipeline.draw(undefined as never, source), into, 1);
    expect(shape.reduce((a, b) => a * b)).toBe(expected.length);
    if (pipeline.sampleShape) expect(pipeline.sampleShape).toEqual(shape);
    expect(largestDifference(into.subarray(1, -1), expected)).toBe(0);
    expect([into[0], into.at(-1)]).toEqual([-9, -9]);
  });
});

describe.each(golden.photos)('photograph $file', ({ file, size, sha256, steps, train, trainSha256, valid }) => {
  const path = photoFolder + file;
  const absent = existsSync(path) ? false : `${path} is absent`;
  const digest = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

  it.skipIf(absent)('decodes to the pixels of PIL', async () => {
    const { width, height, data } = await decodePicture(path);
    expect([width, height]).toEqual(size);
    expect(digest(data)).toBe(sha256);
  });

  it.skipIf(absent || !steps)('goes through the training list of the course as in torchvision', async () => {
    const source = await openPicture(path);
    const picture = await source.decode(plain.needs(steps!, source));
    const { data } = plain.show(picture, steps!);
    const samples = train!.map((_, i) => data[3 * (224 * 32 * Math.floor(i / 21) + 32 * (Math.floor(i / 3) % 7)) + (i % 3)]);
    expect(largestDifference(samples, train!)).toBeLessThanOrEqual(1);
    expect(digest(data)).toBe(trainSha256);
  });

  it.skipIf(absent || !valid)('goes through the validation list of the course as in torchvision', async () => {
    const pipeline = compose(presetTransforms('course').valid);
    const into = new Float32Array(3 * 224 * 224);
    await pipeline.load(await openPicture(path), undefined as never, into);
    const samples = valid!.map((_, i) => into[224 * 224 * Math.floor(i / 49) + 224 * 32 * (Math.floor(i / 7) % 7) + 32 * (i % 7)]);
    expect(largestDifference(samples, valid!)).toBeLessThan(1e-6);
  });
});
