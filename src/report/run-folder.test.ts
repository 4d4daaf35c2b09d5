import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CheckpointError, UsageError } from '../core/errors.ts';
import { createRunFolder } from './run-folder.ts';

let root = '';
beforeEach(async () => {
  root = path.join(await mkdtemp(path.join(tmpdir(), 'fovea-runs-')), 'runs');
});
afterEach(() => rm(path.dirname(root), { recursive: true }));

describe('createRunFolder', () => {
  it('numbers runs from the second one', async () => {
    expect(await createRunFolder('mnist', { root })).toBe(path.join(root, 'mnist'));
    expect(await createRunFolder('mnist', { root })).toBe(path.join(root, 'mnist2'));
    expect(await createRunFolder('mnist', { root })).toBe(path.join(root, 'mnist3'));
    expect(await createRunFolder('flowers', { root })).toBe(path.join(root, 'flowers'));
  });

  it('gives every one of many at the same time its own', async () => {
    const folders = await Promise.all(Array.from({ length: 20 }, () => createRunFolder('mnist', { root })));
    expect(new Set(folders).size).toBe(20);
    expect(await readdir(root)).toHaveLength(20);
  });

  it('passes over a file of that name', async () => {
    await createRunFolder('other', { root });
    await writeFile(path.join(root, 'mnist'), '');
    expect(await createRunFolder('mnist', { root })).toBe(path.join(root, 'mnist2'));
  });

  it('says why it cannot', async () => {
    await writeFile(root, '');
    await expect(createRunFolder('mnist', { root })).rejects.toThrow(/EEXIST.*in the way/);
    await expect(createRunFolder('mnist', { root: path.join(root, 'below') })).rejects.toBeInstanceOf(CheckpointError);
  });

  it.each(['', '.', '..', 'a/b', '.hidden', 'a\\b', 'a b', 'a\0'])('refuses the name %j', async (name) => {
    await expect(createRunFolder(name, { root })).rejects.toBeInstanceOf(UsageError);
  });
});
