import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFolder } from './make-folder.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'fovea-'));
});
afterAll(() => rm(root, { recursive: true }));

describe('makeFolder', () => {
  it('makes what is missing, and leaves alone what is there', async () => {
    const folder = path.join(root, 'a', 'b', 'c');
    await makeFolder(folder);
    await makeFolder(folder);
    expect((await stat(folder)).isDirectory()).toBe(true);
  });

  it('refuses a file in the way, at the end and on the way', async () => {
    const file = path.join(root, 'file');
    await writeFile(file, '');
    await expect(makeFolder(file)).rejects.toThrow('EEXIST');
    await expect(makeFolder(path.join(file, 'below'))).rejects.toThrow('ENOTDIR');
  });

  it.skipIf(process.platform !== 'linux')('ends where the system makes no folder', async () => {
    await expect(makeFolder('/proc/fovea/runs')).rejects.toThrow('ENOENT');
  });
});
