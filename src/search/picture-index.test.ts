import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DataError, EngineError, UsageError } from '../core/errors.ts';
import { parseTransforms, presetTransforms } from '../data/transforms/index.ts';
import { LocalEngine } from '../engine/local.ts';
import { createReferenceBackend } from '../engine/reference/backend.ts';
import type { Tensor } from '../graph/tensor.ts';
import { Conv2d, initialState, Linear, Module } from '../nn/index.ts';
import { flatten, relu } from '../ops/index.ts';
import { indexFileName, type OpenIndexOptions, openIndex, search } from './index.ts';

class Tiny extends Module {
  conv = new Conv2d(3, 8, 3, { stride: 2 });
  out = new Linear(8 * 3 * 3, 2);
  forward(x: Tensor): Tensor {
    return this.out.forward(flatten(relu(this.conv.forward(x))));
  }
}

const model = new Tiny();
const { valid: transforms } = presetTransforms('none', { size: 8 });
const engine = new LocalEngine(createReferenceBackend());
const base: OpenIndexOptions = { model, state: initialState(model, 1), transforms, engine, workers: 0 };

let folder: string;
let cache: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea search ü-'));
  cache = await mkdtemp(path.join(tmpdir(), 'fovea-cache-'));
  vi.stubEnv('FOVEA_CACHE', cache);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await chmod(folder, 0o755);
  for (const one of [folder, cache]) await rm(one, { recursive: true, force: true });
});

const at = (name: string) => path.join(folder, name);
/** A picture of one colour, with a mark so that no two are alike. */
async function paint(name: string, [r, g, b]: readonly number[], mark = 0): Promise<void> {
  await mkdir(path.dirname(at(name)), { recursive: true });
  const pixels = Uint8Array.from({ length: 3 * 100 }, (_, i) => (i < 3 * mark ? 255 : [r, g, b][i % 3]));
  await sharp(pixels, { raw: { width: 10, height: 10, channels: 3 } })
    .png()
    .toFile(at(name));
}
async function paintAll(): Promise<void> {
  await paint('red.png', [220, 20, 20]);
  await paint('more/dark red.png', [180, 10, 20], 3);
  await paint('more/blue.png', [20, 20, 220]);
  await paint('green "1" 花🌸.png', [20, 220, 20]);
}

/** Opens, and says what was looked at and done. */
async function open(options: Partial<OpenIndexOptions> = {}) {
  let looked = 0;
  const index = await openIndex(folder, { ...base, ...options, onProgress: (done) => (looked = done) });
  const { added, changed, removed, pictures, rebuilt } = index.report;
  return { index, looked, counts: { added, changed, removed, pictures }, rebuilt };
}
const namesOf = async (query: string, options = {}) => (await search((await open()).index, query, options)).map(({ name }) => name);

describe('openIndex', () => {
  it('looks at every picture once and then at none', async () => {
    await paintAll();
    const first = await open();
    expect(first.counts).toEqual({ added: 4, changed: 0, removed: 0, pictures: 4 });
    expect(first.index.report.file).toBe(at(indexFileName));
    const before = await readFile(at(indexFileName));
    const second = await open();
    expect(second).toMatchObject({ looked: 0, rebuilt: undefined, counts: { added: 0, changed: 0, removed: 0, pictures: 4 } });
    expect(second.index.vectors).toEqual(first.index.vectors);
    expect(await readFile(at(indexFileName))).toEqual(before);
    expect((await readdir(folder)).filter((name) => name.startsWith('.'))).toEqual([indexFileName]);
  });

  it('follows files that are added, changed, removed and renamed', async () => {
    await paintAll();
    await open();
    await paint('a new one.png', [20, 20, 200], 2);
    await paint('more/blue.png', [250, 250, 20]);
    await utimes(at('more/blue.png'), 5, 5);
    await rm(at('red.png'));
    await rename(at('more/dark red.png'), at('more/renamed.png'));
    const updated = await open();
    expect(updated.counts).toEqual({ added: 2, changed: 1, removed: 2, pictures: 4 });
    expect(updated.looked).toBe(3);
    // What was kept and what was made must stand in the right rows: as if all was made anew.
    await rm(at(indexFileName));
    const anew = await open();
    expect(anew.looked).toBe(4);
    expect(updated.index.vectors).toEqual(anew.index.vectors);
    expect([0, 1, 2, 3].map(updated.index.nameOf)).toEqual([0, 1, 2, 3].map(anew.index.nameOf));
  });

  it('notices two files of one size and age that changed places', async () => {
    const bmp = (level: number) => {
      const file = Buffer.alloc(54 + 12 * 3 * 12, level);
      file.fill(0, 0, 54).write('BM');
      for (const [at, value] of [
        [10, 54],
        [14, 40],
        [18, 12],
        [22, 12],
        [26, 1 + 24 * 65536],
      ])
        file.writeInt32LE(value, at);
      return file;
    };
    for (const [name, level] of [
      ['a.bmp', 20],
      ['b.bmp', 230],
    ] as const) {
      await writeFile(at(name), bmp(level));
      await utimes(at(name), 5, 5);
    }
    const { index } = await open();
    await rename(at('a.bmp'), at('c'));
    await rename(at('b.bmp'), at('a.bmp'));
    await rename(at('c'), at('b.bmp'));
    const swapped = await open();
    expect(swapped.counts).toEqual({ added: 0, changed: 2, removed: 0, pictures: 2 });
    const { size } = index.embedder;
    expect(swapped.index.vectors.subarray(0, size)).toEqual(index.vectors.subarray(size));
  });

  it('saves where files were only removed', async () => {
    await paintAll();
    await open();
    await rm(at('red.png'));
    expect((await open()).counts).toMatchObject({ removed: 1, pictures: 3 });
    expect((await open()).counts).toMatchObject({ removed: 0, pictures: 3 });
  });

  it.each<[string, (file: string) => Promise<void>, RegExp]>([
    ['cut short', (file) => truncate(file, 700), /damaged/],
    ['empty', (file) => truncate(file, 0), /damaged/],
    ['no index', (file) => writeFile(file, 'something else'), /damaged/],
    ['flipped in a vector', (file) => flip(file, -5), /damaged/],
    ['a folder', (file) => rm(file).then(() => mkdir(file)), /cannot be read/],
  ])('makes an index anew that is %s', async (_, spoil, reason) => {
    await paintAll();
    const { index } = await open();
    await spoil(at(indexFileName));
    const again = await open();
    expect(again.rebuilt).toMatch(reason);
    expect(again.counts).toEqual({ added: 4, changed: 0, removed: 0, pictures: 4 });
    expect(again.index.vectors).toEqual(index.vectors);
  });

  it('makes an index anew for other weights and other preprocessing, not for another head', async () => {
    await paintAll();
    await open();
    const state = new Map(base.state);
    state.set('out.bias', { dtype: 'f32', shape: [2], data: Float32Array.of(7, 8) });
    expect((await open({ state })).looked).toBe(0);
    const other = await open({ state: initialState(model, 2) });
    expect(other.rebuilt).toBe('it was made with other weights or preprocessing');
    expect(other.looked).toBe(4);
    const stretched = presetTransforms('none', { size: 8, fit: 'stretch' }).valid;
    expect((await open({ state: initialState(model, 2), transforms: stretched })).rebuilt).toMatch(/preprocessing/);
  });

  it('names broken files, skips them, and does not try them again until they change', async () => {
    await paintAll();
    await writeFile(at('note.jpg'), 'not a picture');
    await writeFile(at('nothing.png'), '');
    await symlink(at('gone'), at('lost.png'));
    const first = await open();
    expect(first.counts).toEqual({ added: 4, changed: 0, removed: 0, pictures: 4 });
    const broken = first.index.report.broken.map(({ file }) => file);
    expect(broken).toEqual(['lost.png', 'note.jpg', 'nothing.png']);
    const second = await open();
    expect(second).toMatchObject({ looked: 0, counts: { pictures: 4 } });
    expect(second.index.report.broken.map(({ file }) => file)).toEqual(broken);
    expect(await namesOf(at('red.png'))).toHaveLength(3);
    await paint('nothing.png', [220, 20, 20], 1);
    expect(await open()).toMatchObject({ looked: 1, counts: { changed: 1, pictures: 5 } });
  });

  it('takes in a single file that turns out to be broken', async () => {
    await paintAll();
    await open();
    await writeFile(at('note.jpg'), 'not a picture');
    const { index } = await open();
    expect(index.report.broken).toEqual([{ file: 'note.jpg', reason: expect.stringMatching(/unsupported image format/) }]);
    expect(index.report.pictures).toBe(4);
  });

  it('says what is missing: a folder, pictures, usable pictures', async () => {
    await expect(openIndex(at('none'), base)).rejects.toThrow(DataError);
    await expect(open()).rejects.toThrow(/expected pictures .* to search among, got none/);
    await writeFile(at('notes.txt'), 'text');
    await expect(open()).rejects.toThrow(/got none/);
    await writeFile(at('note.jpg'), 'not a picture');
    await expect(open()).rejects.toThrow(/got 1 broken files \(note\.jpg: /);
  });

  it('keeps the index of a read-only folder in the cache and leaves the folder alone', async () => {
    await paintAll();
    await chmod(folder, 0o555);
    const { index } = await open();
    expect(path.dirname(index.report.file!)).toBe(path.join(cache, 'search'));
    expect(await readdir(folder)).not.toContain(indexFileName);
    expect((await open()).looked).toBe(0);
  });

  it('works on where the index cannot be kept, and says so', async () => {
    await paintAll();
    await chmod(folder, 0o555);
    await rm(cache, { recursive: true });
    await writeFile(cache, 'a file in the way');
    const { index } = await open();
    expect(index.report).toMatchObject({
      file: undefined,
      rebuilt: undefined,
      unsaved: expect.stringMatching(/expected to write the file/),
    });
    expect(await search(index, at('red.png'))).toHaveLength(3);
  });

  it('goes on where a long run was stopped', async () => {
    for (let i = 0; i < 20; i++) await paint(`${i}.png`, [20, 20, 220], i);
    let minutes = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => 60_000 * minutes++);
    const stop = (done: number) => {
      if (done === 20) throw new Error('stopped');
    };
    await expect(openIndex(folder, { ...base, onProgress: stop })).rejects.toThrow('stopped');
    vi.restoreAllMocks();
    const { looked, counts, index } = await open();
    expect({ looked, ...counts }).toMatchObject({ looked: 4, added: 4, pictures: 20 });
    await rm(at(indexFileName));
    expect((await open()).index.vectors).toEqual(index.vectors);
  });

  it('refuses transforms that draw random numbers', async () => {
    await paintAll();
    const random = parseTransforms([{ name: 'RandomResizedCrop', size: 8 }, { name: 'ToTensor' }]);
    await expect(open({ transforms: random })).rejects.toThrow(UsageError);
  });
});

describe('search', () => {
  it('finds the like before the unlike, with the cosine, for a picture elsewhere and one inside', async () => {
    await paintAll();
    const elsewhere = path.join(cache, 'query.png');
    await cp(at('red.png'), elsewhere);
    const { index } = await open();
    const found = await search(index, elsewhere);
    expect(found.slice(0, 2).map(({ name }) => name)).toEqual(['red.png', 'more/dark red.png']);
    expect(found[0].similarity).toBeCloseTo(1, 5);
    expect(found[0].file).toBe(at('red.png'));
    const size = index.embedder.size;
    const row = (name: string) => [0, 1, 2, 3].find((r) => index.nameOf(r) === name)! * size;
    const cosine = index.vectors
      .subarray(row('red.png'), row('red.png') + size)
      .reduce((sum, v, i) => sum + v * index.vectors[row('more/dark red.png') + i], 0);
    expect(found[1].similarity).toBeCloseTo(cosine, 5);
    expect((await search(index, at('red.png')))[0].name).toBe('more/dark red.png');
  });

  it('lists the picture itself only when asked, by whatever path it is named', async () => {
    await paintAll();
    await symlink(folder, path.join(cache, 'link'));
    const query = path.join(cache, 'link', 'more', '..', 'red.png');
    expect(await namesOf(query)).not.toContain('red.png');
    expect((await namesOf(query, { includeSelf: true }))[0]).toBe('red.png');
    expect(await namesOf(query, { topK: 2 })).toHaveLength(2);
  });

  it('looks at a picture again that has changed since it was indexed', async () => {
    await paintAll();
    const { index } = await open();
    await paint('red.png', [20, 20, 219], 1);
    expect((await search(index, at('red.png')))[0].name).toBe('more/blue.png');
  });

  it('refuses to search an index that was closed, for a picture in it and for another', async () => {
    await paintAll();
    const { index } = await open();
    await rename(at('more/blue.png'), path.join(cache, 'blue.png'));
    await index.close();
    for (const query of [at('red.png'), path.join(cache, 'blue.png')]) {
      await expect(search(index, query)).rejects.toThrow('[search] expected an open index, got one that was closed');
      await expect(search(index, query)).rejects.toBeInstanceOf(EngineError);
    }
    await expect(index.embedder.embed([at('red.png')])).rejects.toBeInstanceOf(EngineError);
    await index.close();
  });

  it('refuses to list less than one picture', async () => {
    await paintAll();
    const { index } = await open();
    await expect(search(index, at('red.png'), { topK: 0 })).rejects.toThrow('[topK] expected an integer from 1, got 0');
    expect(await search(index, at('red.png'), { topK: undefined, includeSelf: undefined })).toHaveLength(3);
  });

  it('names a query that is no picture', async () => {
    await paintAll();
    const { index } = await open();
    await writeFile(path.join(cache, 'q.png'), 'text');
    await expect(search(index, path.join(cache, 'q.png'))).rejects.toThrow(/q\.png\] expected a picture/);
    await expect(search(index, path.join(cache, 'absent.png'))).rejects.toThrow(/absent\.png\] expected a picture/);
  });
});

async function flip(file: string, at: number): Promise<void> {
  const bytes = await readFile(file);
  bytes[bytes.length + at] ^= 1;
  await writeFile(file, bytes);
}
