import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expandPictures } from './expand-pictures.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-expand-'));
  await mkdir(path.join(folder, 'a b'));
  await mkdir(path.join(folder, 'none'));
  for (const name of ['a b/花 🌸.jpg', 'a b/2.PNG', 'a b/notes.txt', '1.jpg', '10.jpg']) await writeFile(path.join(folder, name), '');
  await symlink(path.join(folder, '1.jpg'), path.join(folder, 'link.gif'));
  await symlink(path.join(folder, 'a b'), path.join(folder, 'folder.gif'));
});
afterAll(() => rm(folder, { recursive: true }));

const expand = async (...inputs: string[]) =>
  (await expandPictures(inputs.map((input) => path.join(folder, input)))).map((file) => path.relative(folder, file));

describe('expandPictures', () => {
  it.each([
    ['1.jpg', ['1.jpg']],
    ['missing.jpg', ['missing.jpg']],
    ['a b', ['a b/2.PNG', 'a b/花 🌸.jpg']],
    ['*.jpg', ['1.jpg', '10.jpg']],
    ['?.jpg', ['1.jpg']],
    ['**/*.jpg', ['1.jpg', '10.jpg', 'a b/花 🌸.jpg']],
    ['a*/*.{jpg,PNG}', ['a b/2.PNG', 'a b/花 🌸.jpg']],
    ['[!1]0.jpg', []],
    ['1[0-9].jpg', ['10.jpg']],
    ['*.gif', ['link.gif']],
  ])('%s', async (input, files) => {
    if (files.length) expect(await expand(input)).toEqual(files);
    else await expect(expand(input)).rejects.toThrow('expected pictures, got nothing that matches');
  });

  it('refuses a folder without pictures', async () => {
    await expect(expand('none')).rejects.toThrow('expected pictures, got a folder without any');
  });
});
