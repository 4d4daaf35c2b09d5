import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
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
    ['{a b/*,1}.{PNG,jpg}', ['1.jpg', 'a b/2.PNG', 'a b/花 🌸.jpg']],
    ['1.{jpg,jpg}', ['1.jpg']],
    ['no such folder/*.jpg', []],
    ['1.jpg/*.jpg', []],
    ['[!1]0.jpg', []],
    ['1[0-9].jpg', ['10.jpg']],
    ['*.gif', ['link.gif']],
  ])('%s', async (input, files) => {
    if (files.length) expect(await expand(input)).toEqual(files);
    else await expect(expand(input)).rejects.toThrow('expected pictures, got nothing that matches');
  });

  it('says which folder cannot be read', async () => {
    const folder = 'x'.repeat(300);
    await expect(expandPictures([`${folder}/*.jpg`])).rejects.toThrow(`[${folder}/] expected a folder that can be read, got ENAMETOOLONG`);
  });

  it.skipIf(process.getuid?.() === 0)('reads only folders that a pattern can mean (skipped for root, who may read all)', async () => {
    const closed = path.join(folder, 'closed');
    await mkdir(path.join(closed, 'below'), { recursive: true });
    await chmod(closed, 0);
    try {
      expect(await expand('*.jpg')).toEqual(['1.jpg', '10.jpg']);
      expect(await expand('a*/*.jpg')).toEqual(['a b/花 🌸.jpg']);
      for (const pattern of ['*/*.jpg', '**/*.jpg', 'closed/*.jpg'])
        await expect(expand(pattern)).rejects.toThrow(`[${closed}/] expected a folder that can be read, got EACCES`);
    } finally {
      await chmod(closed, 0o755);
    }
  });

  it('refuses a folder without pictures', async () => {
    await expect(expand('none')).rejects.toThrow('expected pictures, got a folder without any');
  });
});
