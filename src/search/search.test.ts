import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LocalEngine } from '../engine/local.ts';
import { createReferenceBackend } from '../engine/reference/backend.ts';
import { readSafetensors } from '../formats/safetensors.ts';
import { createModel } from '../models/index.ts';
import { initialState } from '../nn/module.ts';
import { searchPictures } from './search.ts';

const module = createModel('squeezenet1_1', { classes: 3 });
const network = { module, state: initialState(module, 1), inputShape: [3, 32, 32] };
const engine = new LocalEngine(createReferenceBackend());
const options = { engine, workers: 0 };

let root = '';
let folder = '';
const at = (name: string) => path.join(folder, name);
const indexFile = () => at('.fovea-index.safetensors');

/** Stripes of two colours, `period` px wide. */
async function draw(file: string, period: number, [r, g, b]: readonly number[]): Promise<void> {
  const pixels = Uint8Array.from({ length: 40 * 40 * 3 }, (_, i) => (Math.floor(((i / 3) % 40) / period) % 2 ? [r, g, b][i % 3] : 30));
  await sharp(pixels, { raw: { width: 40, height: 40, channels: 3 } })
    .png()
    .toFile(file);
}
const search = (query = at('a.png'), more = {}) => searchPictures(query, folder, network, { ...options, ...more });
const names = (found: { matches: readonly { name: string }[] }) => found.matches.map(({ name }) => name).sort();

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'fovea-search-'));
  folder = path.join(root, 'pictures');
  await mkdir(at('sub'), { recursive: true });
  vi.stubEnv('FOVEA_CACHE', path.join(root, 'cache'));
  await draw(at('a.png'), 2, [250, 40, 40]);
  await draw(at('b.png'), 9, [40, 250, 40]);
  await draw(at('sub/写真 c.png'), 20, [250, 250, 250]);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await chmod(folder, 0o755);
  await rm(root, { recursive: true, force: true });
});

describe('searchPictures', () => {
  it('finds the same picture under another name first, without the query itself', async () => {
    await copyFile(at('a.png'), at('sub/copy.png'));
    const { matches, report } = await search();
    expect(matches[0]).toEqual({ name: 'sub/copy.png', similarity: expect.closeTo(1, 6) });
    expect(matches.map(({ name }) => name)).not.toContain('a.png');
    expect(matches.map(({ similarity }) => similarity)).toEqual(matches.map((m) => m.similarity).sort((x, y) => y - x));
    expect(report).toMatchObject({ pictures: 4, added: 4, changed: 0, removed: 0, broken: [], file: indexFile() });
    expect((await search(undefined, { topK: 1 })).matches).toEqual(matches.slice(0, 1));
  });

  it('keeps the index while nothing changes, and follows new, changed and removed files', async () => {
    const first = await search();
    const kept = await readFile(indexFile());
    const again = await search();
    expect(again.report).toMatchObject({ pictures: 3, added: 0, changed: 0, removed: 0 });
    expect(again.matches).toEqual(first.matches);
    expect(await readFile(indexFile())).toEqual(kept);

    await draw(at('d.png'), 5, [40, 40, 250]);
    await copyFile(at('a.png'), at('b.png'));
    await utimes(at('b.png'), 1e9, 1e9);
    await rm(at('sub/写真 c.png'));
    const read: number[] = [];
    const next = await search(undefined, { onProgress: (_: number, total: number) => read.push(total) });
    expect(next.report).toMatchObject({ pictures: 3, added: 1, changed: 1, removed: 1 });
    expect(read).toEqual([2]);
    expect(names(next)).toEqual(['b.png', 'd.png']);
    expect(next.matches[0]).toEqual({ name: 'b.png', similarity: expect.closeTo(1, 6) });

    await rm(indexFile());
    const anew = await search();
    expect(anew.matches).toEqual(next.matches);
  });

  it.each([
    ['cut short', (bytes: Buffer) => bytes.subarray(0, bytes.length - 9), /damaged/],
    ['of other bytes', () => Buffer.from('no index at all'), /damaged/],
    ['with a vector that changed', (bytes: Buffer) => bytes.fill(7, bytes.indexOf('}') + 500, bytes.indexOf('}') + 504), /damaged/],
  ])('builds an index anew that is %s', async (_, spoil, reason) => {
    const { matches } = await search();
    const whole = await readFile(indexFile());
    await writeFile(indexFile(), spoil(Buffer.from(whole)));
    const found = await search();
    expect(found.report.rebuilt).toMatch(reason);
    expect(found.report.added).toBe(3);
    expect(found.matches).toEqual(matches);
    expect(await readFile(indexFile())).toEqual(whole);
  });

  it('builds an index of other weights or another size anew', async () => {
    await search();
    const other = await searchPictures(at('a.png'), folder, { ...network, state: initialState(module, 2) }, options);
    expect(other.report).toMatchObject({ rebuilt: expect.stringContaining('other weights'), added: 3 });
    const larger = await searchPictures(at('a.png'), folder, { ...network, inputShape: [3, 40, 40] }, options);
    expect(larger.report.rebuilt).toContain('preprocessing');
  });

  it('names broken pictures, skips them, and takes them once they are repaired', async () => {
    await writeFile(at('text.jpg'), 'not a picture');
    await writeFile(at('zero.png'), '');
    const { report, matches } = await search();
    expect(report.broken.map(({ file }) => file)).toEqual(['text.jpg', 'zero.png']);
    expect(report.broken[1].reason).toContain('empty');
    expect(matches).toHaveLength(2);
    expect((await search()).report).toMatchObject({ added: 0, broken: report.broken });
    await draw(at('zero.png'), 4, [9, 9, 200]);
    expect((await search()).report).toMatchObject({ pictures: 4, changed: 1, broken: [report.broken[0]] });
  });

  it('skips pictures damaged in the middle, also where all are', async () => {
    const bytes = await readFile(at('b.png'));
    bytes.fill(0, 60, bytes.length - 20);
    for (const name of ['b.png', 'sub/写真 c.png']) await writeFile(at(name), bytes);
    const mixed = await search();
    expect(mixed.report.broken.map(({ file }) => file)).toEqual(['b.png', 'sub/写真 c.png']);
    await rm(at('a.png'));
    await rm(indexFile());
    const query = path.join(root, 'q.png');
    await draw(query, 3, [200, 200, 20]);
    expect(await search(query)).toMatchObject({ matches: [], report: { pictures: 0, broken: mixed.report.broken } });
    expect((await search(query)).report.added).toBe(0);
  });

  it('leaves a read-only folder as it is and keeps its index in the cache', async () => {
    await chmod(folder, 0o555);
    const { report } = await search();
    expect(report.file.startsWith(path.join(root, 'cache'))).toBe(true);
    expect((await readdir(folder)).sort()).toEqual(['a.png', 'b.png', 'sub']);
    expect((await search()).report).toMatchObject({ pictures: 3, added: 0, file: report.file });
  });

  it('keeps vectors of length 1 and the names of their files', async () => {
    await search();
    const { tensors } = readSafetensors(await readFile(indexFile()));
    const { data, shape } = tensors.get('vectors')!;
    expect(shape).toEqual([3, 512]);
    for (let row = 0; row < 3; row++) expect(Math.hypot(...(data.subarray(row * 512, (row + 1) * 512) as Float32Array))).toBeCloseTo(1, 5);
    const entries = JSON.parse(new TextDecoder().decode(tensors.get('entries')!.data as Uint8Array));
    expect(entries.map(({ name }: { name: string }) => name)).toEqual(['a.png', 'b.png', 'sub/写真 c.png']);
  });

  it('refuses an empty or missing folder, a broken query and networks for digits', async () => {
    const empty = path.join(root, 'empty');
    await mkdir(empty);
    await expect(searchPictures(at('a.png'), empty, network, options)).rejects.toThrow(/expected pictures, got none/);
    expect(await readdir(empty)).toEqual([]);
    await expect(searchPictures(at('a.png'), at('nowhere'), network, options)).rejects.toThrow(/nowhere/);
    await writeFile(at('x.png'), 'text');
    await expect(search(at('x.png'))).rejects.toThrow(/x\.png.*expected a picture/);
    await expect(search(undefined, { topK: 0 })).rejects.toThrow(/--topk/);
    await expect(searchPictures(at('a.png'), folder, { ...network, inputShape: [1, 28, 28] }, options)).rejects.toThrow(/square colour/);
  });
});
