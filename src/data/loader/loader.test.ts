import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DataError, UsageError } from '../../core/errors.ts';
import { Rng } from '../../core/rng.ts';
import { type Dataset, readBatch } from '../dataset.ts';
import { openImageFolder } from '../image-folder.ts';
import { batchIndices, epochOrder } from '../order.ts';
import { pictureDataset } from '../picture-dataset.ts';
import { parseTransforms } from '../transforms/index.ts';
import { type Loader, type LoaderOptions, openLoader } from './loader.ts';

const COUNT = 13;
const SIDE = 20;
const randomTransforms = parseTransforms([
  { name: 'RandomResizedCrop', size: SIDE },
  { name: 'RandomHorizontalFlip' },
  { name: 'ColorJitter', brightness: 0.3 },
  { name: 'ToTensor' },
]);
const fixedTransforms = parseTransforms([{ name: 'Resize', size: SIDE }, { name: 'CenterCrop', size: SIDE }, { name: 'ToTensor' }]);

let root = '';
const files: string[] = [];
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'fovea-loader-'));
  for (let i = 0; i < COUNT; i++) {
    const [width, height] = [40 + 7 * i, 90 - 3 * i];
    const rng = new Rng('noise', i);
    const noise = Uint8Array.from({ length: 3 * width * height }, () => rng.int(256));
    const format = (['jpeg', 'png', 'webp'] as const)[i % 3];
    files.push(path.join(root, `${i}.${format}`));
    await writeFile(
      files[i],
      await sharp(noise, { raw: { width, height, channels: 3 } })
        .toFormat(format)
        .toBuffer(),
    );
  }
});
afterAll(() => rm(root, { recursive: true }));

const open: Loader[] = [];
const loaderOf = (options: LoaderOptions) => {
  const loader = openLoader(options);
  open.push(loader);
  return loader;
};
afterEach(async () => {
  await Promise.all(open.splice(0).map((loader) => loader.close()));
});

const dataset = ({ list = files, transforms = randomTransforms, seed = 0 } = {}): Dataset =>
  pictureDataset({
    name: 'noise',
    split: { files: list, labels: Int32Array.from(list, (_, i) => i % 2) },
    classes: ['even', 'odd'],
    transforms,
    seed,
  });
const order = (n = COUNT, size = 4) => batchIndices(epochOrder(n, { seed: 1, epoch: 0 }), size);

/** Everything a loader gives, copied. */
async function collect(loader: Loader, data: Dataset, batches = order(data.length), epoch = 0) {
  const all: { x: Float32Array; target: Int32Array; indices: Uint32Array; replaced?: readonly number[] }[] = [];
  for await (const { x, target, indices, replaced } of loader.batches(data, { order: batches, epoch }))
    all.push({ x: x.data.slice(), target: target.data.slice(), indices: indices.slice(), replaced });
  return all;
}

describe('a loader', () => {
  it('gives the same bits whatever the number of workers and of batches ahead', async () => {
    const data = dataset();
    const alone = await collect(loaderOf({ workers: 0 }), data);
    expect(alone.map(({ indices }) => indices)).toEqual(order());
    expect(alone.map(({ x }) => x.length)).toEqual([4, 4, 4, 1].map((n) => n * 3 * SIDE * SIDE));
    expect(alone[1].target).toEqual(Int32Array.from(order()[1], (i) => i % 2));
    for (const options of [{ workers: 1 }, { workers: 3, prefetch: 1 }, { workers: 2, prefetch: 9 }])
      expect(await collect(loaderOf(options), data), JSON.stringify(options)).toEqual(alone);
    const direct = await readBatch(data, order()[2], 0);
    expect(direct.x.data).toEqual(alone[2].x);
  });

  it('draws anew in every epoch and for every seed, and the same again', async () => {
    const loader = loaderOf({ workers: 0 });
    const [first, again, epoch, seed] = [
      await collect(loader, dataset()),
      await collect(loader, dataset()),
      await collect(loader, dataset(), order(), 1),
      await collect(loader, dataset({ seed: 1 })),
    ];
    expect(again).toEqual(first);
    for (const other of [epoch, seed]) for (const [i, { x }] of other.entries()) expect(x).not.toEqual(first[i].x);
  });

  it('begins anywhere in an epoch', async () => {
    const loader = loaderOf({ workers: 2 });
    const whole = await collect(loader, dataset());
    expect(await collect(loader, dataset(), order().slice(2))).toEqual(whole.slice(2));
  });

  it('leaves a batch alone until the next but one is asked for, and needs no more memory than that', async () => {
    const data = dataset();
    const many = Array.from({ length: 8 }, (_, seed) => batchIndices(epochOrder(COUNT, { seed, epoch: 0 }), 4).slice(0, 3)).flat();
    const truth = await collect(loaderOf({ workers: 0 }), data, many);
    const buffers = new Set<ArrayBufferLike>();
    let last: Float32Array | undefined;
    let i = 0;
    for await (const { x } of loaderOf({ workers: 2, prefetch: 2 }).batches(data, { order: many, epoch: 0 })) {
      expect(x.data.buffer).toBeInstanceOf(SharedArrayBuffer);
      buffers.add(x.data.buffer);
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (last) expect(last).toEqual(truth[i - 1].x);
      expect(x.data).toEqual(truth[i].x);
      last = x.data;
      i++;
    }
    expect(i).toBe(many.length);
    expect(buffers.size).toBeLessThanOrEqual(4);
  });

  it('serves several data sets by turns, each in the middle of its epoch', async () => {
    const [a, b] = [dataset(), dataset({ seed: 5, list: files.slice(2) })];
    const truth = { a: await collect(loaderOf({ workers: 0 }), a), b: await collect(loaderOf({ workers: 0 }), b) };
    const loader = loaderOf({ workers: 2 });
    const seen = [];
    let i = 0;
    for await (const { x } of loader.batches(a, { order: order(), epoch: 0 })) {
      seen.push(x.data.slice());
      if (i++ === 1) expect(await collect(loader, b)).toEqual(truth.b);
    }
    expect(seen).toEqual(truth.a.map(({ x }) => x));
  });

  it.each([0, 2])('goes on with other batches after a loop that was left early (%d workers)', async (workers) => {
    const loader = loaderOf({ workers });
    const truth = await collect(loaderOf({ workers: 0 }), dataset());
    for (let i = 0; i < 4; i++) for await (const _ of loader.batches(dataset(), { order: order(), epoch: 7 })) break;
    expect(await collect(loader, dataset())).toEqual(truth);
  });

  it('gives data that lies in memory as it is', async () => {
    const labels = Int32Array.of(0, 1, 0, 1, 0);
    const plain: Dataset = {
      name: 'plain',
      length: 5,
      classes: ['a', 'b'],
      sampleShape: [2],
      labels,
      read: (indices, into, epoch = 0) => into.set(Array.from(indices).flatMap((i) => [i, epoch])),
    };
    const all = await collect(loaderOf({}), plain, [Uint32Array.of(4, 1), Uint32Array.of(0)], 3);
    expect(all.map(({ x }) => [...x])).toEqual([
      [4, 3, 1, 3],
      [0, 3],
    ]);
    expect(all[0].target).toEqual(Int32Array.of(0, 1));
  });

  it('refuses options out of range', () => {
    for (const options of [{ workers: -1 }, { workers: 1.5 }, { workers: 1000 }, { prefetch: 0 }])
      expect(() => openLoader(options)).toThrow(UsageError);
    expect(() => openLoader({ workers: -1 })).toThrow('[workers] expected an integer from 0 to 64, got -1');
  });

  it('refuses an index past the end and an epoch that is none, whatever the samples come from', async () => {
    const inMemory: Dataset = { name: 'memory', length: 2, classes: ['a'], sampleShape: [1], labels: new Int32Array(2), read() {} };
    for (const data of [dataset(), inMemory]) {
      const next = (indices: number[], epoch?: number) =>
        loaderOf({ workers: 0 })
          .batches(data, { order: [Uint32Array.from(indices)], epoch: epoch as number })
          .next();
      const past = next([0, data.length], 0);
      await expect(past).rejects.toThrow(`[${data.name}] expected an index from 0 to ${data.length - 1}, got ${data.length}`);
      await expect(past).rejects.toBeInstanceOf(DataError);
      for (const epoch of [undefined, -1, 0.5, Number.NaN])
        await expect(next([0], epoch)).rejects.toThrow(`[epoch] expected an integer from 0, got ${epoch}`);
    }
  });
});

describe('a loader that meets broken files', () => {
  let list: string[] = [];
  const broken = [1, 2, 6];
  beforeAll(async () => {
    const dir = path.join(root, 'broken');
    await mkdir(dir);
    list = files.map((file, i) => (broken.includes(i) ? path.join(dir, `${i}.jpg`) : file));
    await writeFile(list[1], '');
    await writeFile(list[2], 'text');
    const noise = Uint8Array.from({ length: 3 * 200 * 200 }, (_, i) => (i * 7919) % 251);
    const jpeg = await sharp(noise, { raw: { width: 200, height: 200, channels: 3 } })
      .jpeg()
      .toBuffer();
    await writeFile(list[6], jpeg);
    await truncate(list[6], jpeg.length >> 1);
  });
  const inOrder = () => batchIndices(epochOrder(COUNT, { seed: 0, epoch: 0, shuffle: false }), 3);

  it('puts the next sample of the batch in their place, the same one with any number of workers, and names them', async () => {
    const truth = await collect(loaderOf({ workers: 0 }), dataset(), inOrder());
    for (const workers of [0, 3]) {
      const loader = loaderOf({ workers });
      const all = await collect(loader, dataset({ list }), inOrder());
      expect(all.map(({ indices }) => [...indices])).toEqual([[0, 0, 0], [3, 4, 5], [7, 7, 8], [9, 10, 11], [12]]);
      expect(all.map(({ replaced }) => replaced)).toEqual([[1, 2], undefined, [0], undefined, undefined]);
      expect(all[2].target).toEqual(Int32Array.of(1, 1, 0));
      const size = 3 * SIDE * SIDE;
      const seven = truth[2].x.subarray(size, 2 * size);
      expect(all[2].x.subarray(0, size)).toEqual(seven);
      expect(all[2].x.subarray(size)).toEqual(truth[2].x.subarray(size));
      expect(loader.broken.map(({ file }) => file)).toEqual([list[1], list[2], list[6]].sort());
      for (const { reason } of loader.broken) expect(reason.length).toBeGreaterThan(3);
      expect(await collect(loader, dataset({ list }), inOrder())).toEqual(all);
    }
  });

  it('takes one from the rest of the data set where a whole batch is broken', async () => {
    const [batch] = await collect(loaderOf({ workers: 1 }), dataset({ list }), [Uint32Array.of(1, 2)]);
    expect([...batch.indices]).toEqual([3, 3]);
    expect(batch.replaced).toEqual([0, 1]);
  });

  it.each([0, 2])('fails naming a file if none is left (%d workers)', async (workers) => {
    const only = dataset({ list: [list[1], list[2]] });
    const attempt = collect(loaderOf({ workers }), only, [Uint32Array.of(0, 1)]);
    await expect(attempt).rejects.toThrow(/[12]\.jpg\] expected at least one picture that can be read, got 2 broken files/);
    await expect(attempt).rejects.toBeInstanceOf(DataError);
  });

  it.each([0, 2])('stops at the first one if it is strict, each time (%d workers)', async (workers) => {
    const loader = loaderOf({ workers, strict: true });
    for (let i = 0; i < 2; i++)
      await expect(collect(loader, dataset({ list }), inOrder())).rejects.toThrow(`[${list[1]}] expected a picture`);
    expect((await collect(loader, dataset({ list }), [Uint32Array.of(0, 3)])).length).toBe(1);
  });

  it('survives a file that goes away in mid-run', async () => {
    const loader = loaderOf({ workers: 1 });
    await collect(loader, dataset());
    await rename(files[4], `${files[4]}.away`);
    const all = await collect(loader, dataset());
    await rename(`${files[4]}.away`, files[4]);
    expect(all.flatMap(({ replaced }) => replaced ?? []).length).toBe(1);
    expect(loader.broken[0].file).toBe(files[4]);
  });
});

describe('a data set without random transforms', () => {
  const away = (name: string) => `${name}.away`;
  const inOrder = batchIndices(epochOrder(COUNT, { seed: 0, epoch: 0, shuffle: false }), 5);

  it('is read once, then kept: in any order, without a copy where samples follow each other', async () => {
    const loader = loaderOf({ workers: 2 });
    const data = dataset({ transforms: fixedTransforms });
    const truth = await collect(loaderOf({ workers: 0, cacheBytes: 0 }), data, order());
    await collect(loader, data, inOrder);
    await Promise.all(files.map((file) => rename(file, away(file))));
    const buffers = new Set<ArrayBufferLike>();
    try {
      expect(await collect(loader, data, order(), 3)).toEqual(truth);
      for await (const { x } of loader.batches(data, { order: inOrder, epoch: 1 })) buffers.add(x.data.buffer);
      await expect(collect(loaderOf({ workers: 0 }), data)).rejects.toThrow(DataError);
    } finally {
      await Promise.all(files.map((file) => rename(away(file), file)));
    }
    expect(buffers.size).toBe(1);
  });

  it.each([0, 2])('keeps nothing of batches that were left half done, %d workers', async (workers) => {
    const data = dataset({ transforms: fixedTransforms });
    const truth = await collect(loaderOf({ workers: 0, cacheBytes: 0 }), data, inOrder);
    const loader = loaderOf({ workers });
    for await (const _ of loader.batches(data, { order: inOrder, epoch: 0 })) break;
    expect(await collect(loader, data, inOrder)).toEqual(truth);
    expect(await collect(loader, data, inOrder)).toEqual(truth);
  });

  it('does not keep what stands in for a broken file', async () => {
    const loader = loaderOf({ workers: 0 });
    const list = files.with(1, path.join(root, 'gone.jpg'));
    const data = dataset({ list, transforms: fixedTransforms });
    const first = await collect(loader, data, inOrder);
    expect(first[0].replaced).toEqual([1]);
    expect(await collect(loader, data, inOrder)).toEqual(first);
    const [alone] = await collect(loader, data, [Uint32Array.of(1, 5)]);
    expect([...alone.indices]).toEqual([5, 5]);
  });

  it('is read again where it does not fit, and where it is augmented', async () => {
    const small = loaderOf({ workers: 0, cacheBytes: 4 * 3 * SIDE * SIDE * COUNT - 1 });
    const fixed = dataset({ transforms: fixedTransforms });
    const random = dataset();
    for (const data of [fixed, random]) await collect(small, data, inOrder);
    await rename(files[0], away(files[0]));
    try {
      for (const data of [fixed, random]) expect((await collect(small, data, inOrder))[0].replaced).toEqual([0]);
    } finally {
      await rename(away(files[0]), files[0]);
    }
  });
});

describe('a process', () => {
  it('ends by itself: with its loader closed in mid-epoch, left early, or forgotten', async () => {
    const built = fileURLToPath(new URL('../../../dist/data/', import.meta.url));
    const script = `
      const { openLoader } = await import(${JSON.stringify(`${built}loader/loader.js`)});
      const { pictureDataset } = await import(${JSON.stringify(`${built}picture-dataset.js`)});
      const files = ${JSON.stringify(files)};
      const data = pictureDataset({ name: 'x', split: { files, labels: new Int32Array(files.length) }, classes: ['a'],
        transforms: ${JSON.stringify(randomTransforms)}, seed: 0 });
      const order = Array.from({ length: 50 }, () => Uint32Array.from(files, (_, i) => i));
      const how = process.argv[1];
      const loader = openLoader({ workers: 2 });
      const batches = loader.batches(data, { order, epoch: 0 });
      await batches.next();
      if (how === 'closed') { const late = batches.next().catch(() => {}); await loader.close(); await late; }
      if (how === 'left') { await batches.return(); await loader.close(); }
      console.log(how);
    `;
    for (const how of ['closed', 'left', 'forgotten']) {
      const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, how], { timeout: 30_000 });
      expect(stdout.trim()).toBe(how);
    }
  });
});

const flowers = fileURLToPath(new URL('../../../../shared/data/flowers16', import.meta.url));
describe('the flowers (skipped where they are absent)', () => {
  it.skipIf(!existsSync(flowers))('are read alike by 0 and 2 workers', async () => {
    const { splits, classes } = await openImageFolder(flowers);
    const data = pictureDataset({ name: 'flowers', split: splits.train, classes, transforms: randomTransforms, seed: 0 });
    const batches = batchIndices(epochOrder(data.length, { seed: 0, epoch: 0 }), 16).slice(0, 4);
    const [alone, together] = [
      await collect(loaderOf({ workers: 0 }), data, batches),
      await collect(loaderOf({ workers: 2 }), data, batches),
    ];
    expect(together).toEqual(alone);
    expect(together[0].replaced).toBeUndefined();
  });
});
