import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadCifar10, readCifarBinary, readCifarPython } from './cifar.ts';

const record = (label: number, level: number) => [label, ...new Array<number>(3072).fill(level)];

/** Protocol 2, as NumPy under Python 3 writes `{'data': …, 'labels': […]}`, by hand: GLOBAL, tuples, BUILD. */
function pickled(labels: readonly number[], width = 3072): Uint8Array {
  const ascii = (text: string) => Array.from(text, (c) => c.charCodeAt(0));
  const word = (n: number) => [n & 255, (n >> 8) & 255, (n >> 16) & 255, (n >> 24) & 255];
  const text = (s: string) => [0x58, ...word(s.length), ...ascii(s)];
  const int = (n: number) => [0x4a, ...word(n)];
  const raw = Array.from({ length: 2 * width }, (_, i) => i % 251);
  const dtype = [...ascii('cnumpy\ndtype\n'), ...text('u1'), ...int(0), ...int(1), 0x87, 0x52];
  const array = [
    ...ascii('cnumpy.core.multiarray\n_reconstruct\n'),
    ...ascii('cnumpy\nndarray\n'),
    ...int(0),
    0x85,
    ...text('b'),
    0x87,
    0x52,
  ];
  const state = [0x28, ...int(1), ...int(2), ...int(width), 0x86, ...dtype, 0x89, 0x42, ...word(raw.length), ...raw, 0x74, 0x62];
  const list = [0x5d, 0x28, ...labels.flatMap(int), 0x65];
  return Uint8Array.from([0x80, 3, 0x7d, 0x28, ...text('data'), ...array, ...state, ...text('labels'), ...list, 0x75, 0x2e]);
}

describe('CIFAR-10', () => {
  it('reads the binary version', () => {
    const { pixels, labels } = readCifarBinary(Uint8Array.from([...record(3, 7), ...record(9, 8)]), 'b.bin');
    expect(Array.from(labels)).toEqual([3, 9]);
    expect([pixels.length, pixels[3071], pixels[3072]]).toEqual([6144, 7, 8]);
  });

  it('refuses cut files and labels out of range by name', () => {
    expect(() => readCifarBinary(Uint8Array.from(record(3, 7).slice(1)), 'b.bin')).toThrow(/b\.bin.*3073.*3072 bytes/);
    expect(() => readCifarBinary(Uint8Array.from([...record(3, 7), ...record(10, 7)]), 'b.bin')).toThrow(/b\.bin, row 1.*got 10/);
    expect(() => readCifarBinary(new Uint8Array(0), 'b.bin')).toThrow(/0 bytes/);
  });

  it('reads the python version', () => {
    const { pixels, labels } = readCifarPython(pickled([4, 0]), 'p');
    expect(Array.from(labels)).toEqual([4, 0]);
    expect([pixels.length, pixels[3072]]).toEqual([6144, 3072 % 251]);
  });

  it('refuses python batches of other sizes, labels and cut ones', () => {
    expect(() => readCifarPython(pickled([4, 0], 3071), 'p')).toThrow(/\[p\].*\[n,3072\].*3071/);
    expect(() => readCifarPython(pickled([4]), 'p')).toThrow(/2 labels, got 1/);
    expect(() => readCifarPython(pickled([4, -1]), 'p')).toThrow(/p, row 1.*-1/);
    expect(() => readCifarPython(pickled([4, 0]).subarray(0, 900), 'p')).toThrow(/p/);
  });
});

describe('loadCifar10', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'fovea-cifar-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const stems = ['data_batch_1', 'data_batch_2', 'data_batch_3', 'data_batch_4', 'data_batch_5', 'test_batch'];
  /** Zeros that take no room on the disk, behind a first record. */
  const writeBinary = async (stem: string, first: number[], records = 10_000) => {
    const file = await open(path.join(folder, `${stem}.bin`), 'w');
    await file.truncate(records * 3073);
    await file.write(Uint8Array.from(first));
    await file.close();
  };
  const writePicture = async (name: string, red: number, side = 32) => {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    const create = { width: side, height: side, channels: 3, background: { r: red, g: 0, b: 255 } } as const;
    await sharp({ create }).png().toFile(path.join(folder, name));
  };

  it('joins the official files in their order', async () => {
    for (const [i, stem] of stems.entries()) await writeBinary(stem, record(i, 51 * i));
    const { train, test } = await loadCifar10(folder);
    expect([train.length, test.length, train.labels[20_000], test.labels[0]]).toEqual([50_000, 10_000, 2, 5]);
    const into = new Float32Array(2 * 3072);
    await train.read([40_000, 10_000], into);
    expect([into[3071], into[3072]]).toEqual([Math.fround(204 / 255), Math.fround(51 / 255)]);
    expect(() => train.read([50_000], into)).toThrow(/0 to 49999, got 50000/);
  });

  it('refuses an official file that was cut between two records, and one that is missing', async () => {
    for (const stem of stems) await writeBinary(stem, record(0, 0), stem === 'data_batch_3' ? 9999 : 10_000);
    await expect(loadCifar10(folder)).rejects.toThrow(/data_batch_3\.bin\] expected 10000 samples.*got 9999/);
    await rm(path.join(folder, 'data_batch_3.bin'));
    await expect(loadCifar10(folder)).rejects.toThrow(/data_batch_3\.bin\] expected a batch of CIFAR-10/);
  });

  it('reads pictures, planes apart, labelled in the official order', async () => {
    await writePicture('train/truck/a.png', 102);
    await writePicture('train/cat/b.png', 51);
    await writePicture('test/dog/c.png', 0);
    const { train, test } = await loadCifar10(folder);
    expect([[...train.labels], [...test.labels]]).toEqual([[3, 9], [5]]);
    const into = new Float32Array(3072);
    await train.read([0], into);
    expect([0, 1023, 1024, 2047, 2048, 3071].map((i) => into[i])).toEqual([0.2, 0.2, 0, 0, 1, 1].map(Math.fround));
    expect([into[1], into[1025], into[2049]]).toEqual([Math.fround(0.2), 0, 1]);
  });

  it('refuses pictures of another size, another class, broken ones, and a folder of something else', async () => {
    await expect(loadCifar10(folder)).rejects.toThrow(/0 training and 0 test/);
    await expect(loadCifar10(path.join(folder, 'none'))).rejects.toThrow(/none\] expected a folder with CIFAR-10/);
    await writePicture('test/dog/c.png', 0);
    await writePicture('train/dog/wide.png', 0, 33);
    await expect(loadCifar10(folder)).rejects.toThrow(/wide\.png\] expected 32×32 px.*33×33/);
    await writeFile(path.join(folder, 'train/dog/wide.png'), 'no picture');
    await expect(loadCifar10(folder)).rejects.toThrow(/wide\.png\]/);
    await rm(path.join(folder, 'train/dog'), { recursive: true });
    await writePicture('train/lion/d.png', 0);
    await expect(loadCifar10(folder)).rejects.toThrow(/'lion'/);
  });

  const shared = path.join(import.meta.dirname, '../../../shared/data/cifar10');
  it.skipIf(!existsSync(shared))('reads the shared subset (skipped where it is absent)', async () => {
    const { train, test } = await loadCifar10(shared);
    expect([train.length, test.length]).toEqual([10_000, 2000]);
    expect(train.labels.filter((label) => label === 9)).toHaveLength(1000);
  });
});
