import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataError, FormatError } from '../core/errors.ts';
import { readBatch } from './dataset.ts';
import { loadMnist } from './mnist.ts';

const idx = (shape: number[], data: ArrayLike<number>): Uint8Array =>
  Uint8Array.from([0, 0, 8, shape.length, ...shape.flatMap((n) => [n >> 24, n >> 16, n >> 8, n]), ...Array.from(data)]);
const pictures = (n: number): Uint8Array =>
  idx(
    [n, 28, 28],
    Uint8Array.from({ length: n * 784 }, (_, i) => i % 256),
  );

describe('MNIST of the npm package', async () => {
  const { train, test } = await loadMnist();

  it('has the counts and the first labels everybody knows', () => {
    expect([train.length, test.length]).toEqual([60000, 10000]);
    expect(train.sampleShape).toEqual([1, 28, 28]);
    expect([...train.labels.subarray(0, 10)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    expect([...test.labels.subarray(0, 10)]).toEqual([7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
  });

  it('gives pixels as ToTensor does: bytes / 255, mean 0.1307 and standard deviation 0.3081', async () => {
    const { x, target } = await readBatch(
      train,
      Uint32Array.from({ length: 60000 }, (_, i) => i),
    );
    expect(x.shape).toEqual([60000, 1, 28, 28]);
    expect(target.data[59999]).toBe(8);
    let sum = 0;
    let squares = 0;
    for (const v of x.data) {
      sum += v;
      squares += v * v;
    }
    const mean = sum / x.data.length;
    expect(mean).toBeCloseTo(0.1307, 4);
    expect(Math.sqrt(squares / x.data.length - mean ** 2)).toBeCloseTo(0.3081, 4);
  });

  it('refuses an index it does not have', () => {
    expect(() => test.read([0, 10000], new Float32Array(2 * 784))).toThrow(/\[mnist test\] expected an index from 0 to 9999, got 10000/);
  });
});

describe('MNIST of a folder', () => {
  let dir = '';
  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'fovea-mnist-'));
    await put('train-images-idx3-ubyte', pictures(3));
    await put('train-labels-idx1-ubyte', idx([3], [0, 9, 4]));
    await put('t10k-images-idx3-ubyte', pictures(2));
    await put('t10k-labels-idx1-ubyte', idx([2], [1, 2]));
  });
  afterEach(() => rm(dir, { recursive: true }));
  const put = (name: string, bytes: Uint8Array) => writeFile(path.join(dir, name), bytes);

  it('reads plain files and packed ones', async () => {
    await rm(path.join(dir, 'train-images-idx3-ubyte'));
    await put('train-images-idx3-ubyte.gz', gzipSync(pictures(3)));
    const { train, test } = await loadMnist({ dir });
    expect([...train.labels]).toEqual([0, 9, 4]);
    expect(test.length).toBe(2);
    const into = new Float32Array(2 * 784);
    train.read([2, 0], into);
    expect(into[784 + 200]).toBe(Math.fround(200 / 255));
    expect(into[0]).toBe(Math.fround(((2 * 784) % 256) / 255));
  });

  it.each<[string, string, Uint8Array, typeof FormatError, RegExp]>([
    [
      'a label out of range',
      'train-labels-idx1-ubyte',
      idx([3], [0, 10, 4]),
      DataError,
      /idx1-ubyte, row 1\] expected a label from 0 to 9, got 10/,
    ],
    ['a missing label', 't10k-labels-idx1-ubyte', idx([1], [1]), DataError, /t10k-labels.*expected 2 labels.*got 1/],
    [
      'pictures of another size',
      'train-images-idx3-ubyte',
      idx([3, 2, 2], new Uint8Array(12)),
      DataError,
      /u8 \[n,28,28\], got u8 \[3,2,2\]/,
    ],
    ['pictures for labels', 'train-labels-idx1-ubyte', pictures(3), DataError, /u8 \[n\], got u8 \[3,28,28\]/],
    ['a cut file', 't10k-images-idx3-ubyte', pictures(2).subarray(0, 1000), FormatError, /t10k-images-idx3-ubyte\].*cut short/],
  ])('refuses %s', async (_, name, bytes, kind, message) => {
    await put(name, bytes);
    await expect(loadMnist({ dir })).rejects.toThrow(message);
    await expect(loadMnist({ dir })).rejects.toBeInstanceOf(kind);
  });

  it('names a file that is missing, and a packed one that is no gzip', async () => {
    await rm(path.join(dir, 't10k-labels-idx1-ubyte'));
    await expect(loadMnist({ dir })).rejects.toThrow(/t10k-labels-idx1-ubyte\].*four files of MNIST/);
    await put('t10k-labels-idx1-ubyte.gz', idx([2], [1, 2]));
    await expect(loadMnist({ dir })).rejects.toThrow(/t10k-labels-idx1-ubyte\.gz\] expected a gzip file/);
  });
});
