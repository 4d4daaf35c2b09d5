import { mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { threadId } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CheckpointError } from '../core/errors.ts';
import { removeLeftScratch, writeAtomic } from './write-atomic.ts';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'fovea-write-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(dir, { recursive: true });
});

/** What every open file inherits its methods from, to let one of them fail. */
async function fileHandles() {
  const handle = await open(dir);
  await handle.close();
  return Object.getPrototypeOf(handle) as typeof handle;
}
const failure = (code: string, text: string) => Object.assign(new Error(`${code}: ${text}`), { code });

describe('removeLeftScratch', () => {
  it('knows what this thread writes from what an earlier process of its number left', async () => {
    await writeFile(path.join(dir, `.scratch-${process.pid}-${threadId}-9999`), 'left');
    await writeFile(path.join(dir, `.scratch-${process.pid}-${threadId + 1}-9999`), 'of another thread');
    const prototype = await fileHandles();
    const sync = prototype.sync;
    vi.spyOn(prototype, 'sync').mockImplementation(async function (this: typeof prototype) {
      await removeLeftScratch(dir);
      return sync.call(this);
    });
    await writeAtomic(path.join(dir, 'a'), 'x');
    expect((await readdir(dir)).sort()).toEqual([`.scratch-${process.pid}-${threadId + 1}-9999`, 'a']);
  });
});

describe('writeAtomic', () => {
  it('writes bytes and text, over an older file too, and leaves nothing else', async () => {
    const file = path.join(dir, 'last.bin');
    await writeAtomic(file, Uint8Array.of(1, 2, 3));
    expect([...(await readFile(file))]).toEqual([1, 2, 3]);
    await writeAtomic(file, 'grün');
    expect(await readFile(file, 'utf8')).toBe('grün');
    expect(await readdir(dir)).toEqual(['last.bin']);
  });

  it('gives many writers of one file one whole content', async () => {
    const file = path.join(dir, 'last.bin');
    await Promise.all(Array.from({ length: 16 }, (_, i) => writeAtomic(file, new Uint8Array(100_000).fill(i))));
    const bytes = await readFile(file);
    expect(bytes.length).toBe(100_000);
    expect(bytes.every((b) => b === bytes[0])).toBe(true);
    expect(await readdir(dir)).toEqual(['last.bin']);
  });

  it('syncs the bytes before it renames, and the folder after', async () => {
    const prototype = await fileHandles();
    const states: string[][] = [];
    const sync = prototype.sync;
    vi.spyOn(prototype, 'sync').mockImplementation(async function (this: typeof prototype) {
      states.push((await readdir(dir)).map((name) => (name.startsWith('.scratch') ? 'scratch' : name)));
      return sync.call(this);
    });
    await writeAtomic(path.join(dir, 'a'), 'x');
    expect(states).toEqual([['scratch'], ['a']]);
  });

  it.each([
    ['writeFile', 'ENOSPC', /no space left.*disk is full: free some space, then run again; an older/],
    ['sync', 'EDQUOT', /no space left.*quota/],
    ['writeFile', 'EACCES', /no space left.*change the permissions/],
    ['writeFile', 'EWHATEVER', /no space left.*Choose another folder/],
  ] as const)('keeps the older file when %s fails with %s', async (method, code, message) => {
    const file = path.join(dir, 'last.bin');
    await writeAtomic(file, 'old');
    vi.spyOn(await fileHandles(), method).mockRejectedValue(failure(code, 'no space left'));
    const attempt = writeAtomic(file, 'new');
    await expect(attempt).rejects.toThrow(message);
    await expect(attempt).rejects.toThrow(`[${file}]`);
    await expect(attempt).rejects.toBeInstanceOf(CheckpointError);
    vi.restoreAllMocks();
    expect(await readFile(file, 'utf8')).toBe('old');
    expect(await readdir(dir)).toEqual(['last.bin']);
  });

  it('says so when the folder is missing, a file, or a folder lies in the way', async () => {
    await expect(writeAtomic(path.join(dir, 'gone', 'x'), '')).rejects.toThrow(/ENOENT.*make it again/);
    await writeFile(path.join(dir, 'file'), '');
    await expect(writeAtomic(path.join(dir, 'file', 'x'), '')).rejects.toThrow(/ENOTDIR.*part of the path is a file/);
    await mkdir(path.join(dir, 'folder'));
    await expect(writeAtomic(path.join(dir, 'folder'), '')).rejects.toThrow(/EISDIR.*in the way/);
    expect((await readdir(dir)).sort()).toEqual(['file', 'folder']);
  });
});
