import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataError, UsageError } from '../core/errors.ts';
import { openImageFolder } from './image-folder.ts';
import { openLabelledFolder } from './labelled-folder.ts';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'fovea-folder-'));
});
afterEach(() => rm(root, { recursive: true }));

const jpeg = await sharp({ create: { width: 24, height: 16, channels: 3, background: 'teal' } })
  .jpeg()
  .toBuffer();

async function put(name: string, content: Uint8Array | string = jpeg): Promise<string> {
  const file = path.join(root, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, content);
  return file;
}
const putAll = (...names: string[]) => Promise.all(names.map((name) => put(name)));
const below = (files: readonly string[]) => files.map((file) => path.relative(root, file).split(path.sep).join('/'));

describe('openImageFolder', () => {
  it.each(['val', 'valid', 'validation'])('reads the parts train, %s and test', async (val) => {
    await putAll('train/b/2.jpg', 'train/b/10.jpg', 'train/a/1.jpg', `${val}/a/1.jpg`, `${val}/b/1.jpg`, 'test/b/1.jpg');
    const { splits, classes, names, report } = await openImageFolder(root);
    const left = { valSplit: undefined, names: undefined, strict: undefined, testValidates: undefined, purposes: undefined };
    expect(await openImageFolder(root, left)).toEqual({ root, splits, classes, names, report });
    expect(classes).toEqual(['a', 'b']);
    expect(names).toEqual(classes);
    expect(below(splits.train.files)).toEqual(['train/a/1.jpg', 'train/b/10.jpg', 'train/b/2.jpg']);
    expect(splits.train.labels).toEqual(Int32Array.of(0, 1, 1));
    expect(below(splits.val.files)).toEqual([`${val}/a/1.jpg`, `${val}/b/1.jpg`]);
    expect(splits.test?.labels).toEqual(Int32Array.of(1));
    expect(report.missing).toEqual([{ class: 'a', split: 'test' }]);
    expect(report.lines).toEqual([
      'found 3 images in 2 classes to train with',
      'found 2 images in 2 classes to validate with',
      'found 1 image in 1 class kept apart, for: npx fovea val <run> --data <folder>/test',
      "test: no pictures of 'a' (1 of 2 classes)",
    ]);
  });

  it('divides a flat folder, each class by itself, and leaves every file where it is when one is added', async () => {
    const names = ['x', 'y'].flatMap((folder) => Array.from({ length: 30 }, (_, i) => `${folder}/${i}.jpg`));
    await putAll(...names);
    const { splits, classes } = await openImageFolder(root, { valSplit: 0.2 });
    expect(classes).toEqual(['x', 'y']);
    expect(below([...splits.train.files, ...splits.val.files]).sort()).toEqual([...names].sort());
    expect(new Set(splits.val.labels)).toEqual(new Set([0, 1]));
    expect(splits.val.files.length).toBeGreaterThan(4);
    expect(splits.val.files.length).toBeLessThan(24);
    await put('x/new.jpg');
    const again = await openImageFolder(root, { valSplit: 0.2 });
    const old = (files: readonly string[]) => below(files).filter((name) => name !== 'x/new.jpg');
    expect(old(again.splits.val.files)).toEqual(below(splits.val.files));
  });

  it('sorts classes as Python does, and keeps the index of one that a part lacks', async () => {
    const folders = ['1', '10', '2', 'B', 'a', 'ｚ', '🌷'];
    await putAll(...folders.map((name) => `train/${name}/p.jpg`), 'val/2/p.jpg', 'val/only here/p.jpg');
    const { classes, splits, report } = await openImageFolder(root);
    expect(classes).toEqual(['1', '10', '2', 'B', 'a', 'only here', 'ｚ', '🌷']);
    expect(splits.val.labels).toEqual(Int32Array.of(2, 5));
    expect(report.missing).toContainEqual({ class: 'only here', split: 'train' });
    expect(report.missing.filter(({ split }) => split === 'val').map((m) => m.class)).toEqual(['1', '10', 'B', 'a', 'ｚ', '🌷']);
    expect(report.lines).toContain("train: no pictures of 'only here' (1 of 8 classes)");
  });

  it('takes every format in any letter case, whatever the names, from nested folders too', async () => {
    const picture = sharp({ create: { width: 20, height: 10, channels: 3, background: 'red' } });
    const [png, webp, gif, tiff] = await Promise.all(
      (['png', 'webp', 'gif', 'tiff'] as const).map((format) => picture.clone().toFormat(format).toBuffer()),
    );
    const bmp = Buffer.alloc(54 + 60);
    bmp.write('BM');
    bmp.writeUInt32LE(bmp.length, 2);
    bmp.writeUInt32LE(54, 10);
    bmp.writeUInt32LE(40, 14);
    bmp.writeInt32LE(4, 18);
    bmp.writeInt32LE(5, 22);
    bmp.writeUInt16LE(1, 26);
    bmp.writeUInt16LE(24, 28);
    const files = {
      'train/it\'s "one"/a b.JPG': jpeg,
      'train/it\'s "one"/b.Jpeg': jpeg,
      'train/it\'s "one"/deep/er/c.png': png,
      'train/it\'s "one"/deep-er.webp': webp,
      'train/玫瑰/图 1.GIF': gif,
      'train/玫瑰/🌹🌹.tiff': tiff,
      'train/玫瑰/x.TIF': tiff,
      'train/玫瑰/y.bmp': bmp,
    };
    for (const [name, content] of Object.entries(files)) await put(name, content);
    await putAll('val/玫瑰/1.jpg', 'val/it\'s "one"/1.jpg');
    const { splits, report } = await openImageFolder(root);
    expect(report.broken).toEqual([]);
    expect(below(splits.train.files)).toEqual([
      'train/it\'s "one"/a b.JPG',
      'train/it\'s "one"/b.Jpeg',
      'train/it\'s "one"/deep-er.webp',
      'train/it\'s "one"/deep/er/c.png',
      'train/玫瑰/x.TIF',
      'train/玫瑰/y.bmp',
      'train/玫瑰/图 1.GIF',
      'train/玫瑰/🌹🌹.tiff',
    ]);
  });

  it('counts hidden files and other files, but does not take them', async () => {
    await putAll('train/a/1.jpg', 'train/b/1.jpg', 'val/a/1.jpg', 'val/b/1.jpg');
    await putAll('train/a/.hidden.jpg', 'train/a/notes.txt', 'train/.cache/x.jpg', 'README.md', 'extra/1.jpg', 'val/a/.trash/2.jpg');
    const { splits, report } = await openImageFolder(root);
    expect(splits.train.files.length).toBe(2);
    expect([...report.ignored].sort()).toEqual(
      ['README.md', 'extra', 'train/.cache', 'train/a/.hidden.jpg', 'train/a/notes.txt', 'val/a/.trash'].sort(),
    );
    expect(report.lines.at(-1)).toMatch(/^ignored 6 other files: README\.md, extra, .* and 1 more$/);
  });

  it('says nothing of the index that a search leaves', async () => {
    const index = '.fovea-index.safetensors';
    await putAll('train/a/1.jpg', 'train/b/1.jpg', 'val/a/1.jpg', 'val/b/1.jpg', index, `train/${index}`, `train/a/${index}`);
    expect((await openImageFolder(root)).report.ignored).toEqual([]);
  });

  it('follows symbolic links, but not in circles', async () => {
    await putAll('train/a/1.jpg', 'train/b/1.jpg', 'val/a/1.jpg', 'val/b/1.jpg', 'elsewhere/2.jpg');
    await symlink(path.join(root, 'elsewhere'), path.join(root, 'train/a/linked'));
    await symlink(path.join(root, 'train/a'), path.join(root, 'train/a/linked-back'));
    await symlink(path.join(root, 'elsewhere'), path.join(root, 'train/c'));
    await symlink(path.join(root, 'gone.jpg'), path.join(root, 'train/b/gone.jpg'));
    const { splits, classes, report } = await openImageFolder(root);
    expect(classes).toEqual(['a', 'b', 'c']);
    expect(below(splits.train.files)).toEqual(['train/a/1.jpg', 'train/a/linked/2.jpg', 'train/b/1.jpg', 'train/c/2.jpg']);
    expect(report.ignored).toContain('train/a/linked-back');
    expect(report.broken.map(({ file }) => file)).toEqual(['train/b/gone.jpg']);
  });

  describe('with broken files', () => {
    beforeEach(async () => {
      await putAll('train/a/1.jpg', 'train/b/1.jpg', 'val/a/1.jpg', 'val/b/1.jpg');
      await put('train/a/empty.png', '');
      await put('train/a/text.jpg', 'no picture at all');
      await put('train/b/with a tail.jpg', Buffer.concat([jpeg, Buffer.alloc(2000, 1)]));
      await put('train/b/png inside.jpg', await sharp(jpeg).png().toBuffer());
      const noise = Uint8Array.from({ length: 3 * 300 * 200 }, (_, i) => (i * 7919) % 251);
      await put(
        'train/b/cut.jpg',
        await sharp(noise, { raw: { width: 300, height: 200, channels: 3 } })
          .jpeg()
          .toBuffer(),
      );
      const { length } = await readFile(path.join(root, 'train/b/cut.jpg'));
      await truncate(path.join(root, 'train/b/cut.jpg'), length >> 1);
    });

    it('leaves them out and names them with the reason', async () => {
      const { splits, report } = await openImageFolder(root);
      expect(below(splits.train.files)).toEqual(['train/a/1.jpg', 'train/b/1.jpg', 'train/b/png inside.jpg', 'train/b/with a tail.jpg']);
      expect(report.broken.map(({ file }) => file)).toEqual(['train/a/empty.png', 'train/a/text.jpg', 'train/b/cut.jpg']);
      for (const { reason } of report.broken) expect(reason.length).toBeGreaterThan(5);
      expect(report.lines.find((line) => line.startsWith('skipped'))).toMatch(/^skipped 3 broken files: train\/a\/empty\.png \(/);
    });

    it('stops at the first one if it shall be strict', async () => {
      const attempt = openImageFolder(root, { strict: true });
      await expect(attempt).rejects.toBeInstanceOf(DataError);
      await expect(attempt).rejects.toThrow(/train\/a\/empty\.png\] expected a picture/);
    });

    it.skipIf(process.getuid?.() === 0)('leaves out what may not be read (skipped for root, who may)', async () => {
      await chmod(path.join(root, 'train/a/1.jpg'), 0);
      const { report } = await openImageFolder(root, { valSplit: undefined });
      expect(report.broken.map(({ file }) => file)).toContain('train/a/1.jpg');
    });
  });

  it('reports class folders without pictures and goes on with the others', async () => {
    await putAll('train/a/1.jpg', 'train/b/1.jpg', 'val/a/1.jpg', 'val/b/1.jpg', 'train/z/readme.txt');
    await mkdir(path.join(root, 'val/z'));
    const { classes, report } = await openImageFolder(root);
    expect(classes).toEqual(['a', 'b']);
    expect(report.emptyClasses).toEqual(['train/z', 'val/z']);
    expect(report.lines).toContain("2 class folders without pictures: 'train/z', 'val/z'");
  });

  it('takes names to show by folder name, from a file or as they are', async () => {
    await putAll('train/1/1.jpg', 'train/10/1.jpg', 'val/1/1.jpg', 'val/10/1.jpg');
    const file = await put('cat_to_name.json', JSON.stringify({ 10: 'globe thistle', 99: 'bromelia' }));
    const { names, report } = await openImageFolder(root, { names: file });
    expect(names).toEqual(['1', 'globe thistle']);
    expect(report.unnamed).toEqual(['1']);
    expect((await openImageFolder(root, { names: { 1: 'primrose' } })).names).toEqual(['primrose', '10']);
  });

  it.each([
    ['{', /JSON/],
    ['["a"]', /got a list/],
    ['{"1": 2}', /got 2 for '1'/],
    ['null', /got null/],
  ])('refuses names such as %s', async (text, message) => {
    const file = await put('names.json', text);
    await expect(openImageFolder(root, { names: file })).rejects.toThrow(message);
  });

  const refusals: { what: string; files: string[]; options?: object; kind?: unknown; message: RegExp }[] = [
    { what: 'an empty folder', files: [], message: /expected class folders with pictures .*got none.*<class>/ },
    { what: 'pictures without class folders', files: ['1.jpg', '2.jpg'], message: /got none\. Put the pictures of each class/ },
    { what: 'parts without class folders', files: ['train/1.jpg', 'val/1.jpg'], message: /got none\. Put the pictures of each class/ },
    { what: 'class folders without pictures', files: ['a/1.txt', 'b/1.txt'], message: /got 2 class folders without a usable picture/ },
    { what: 'one class only', files: ['train/a/1.jpg', 'val/a/1.jpg'], message: /two or more classes.*got only 'a'/ },
    { what: 'no validation part', files: ['train/a/1.jpg', 'train/b/1.jpg'], message: /validation part.*--val-split 0\.2/ },
    { what: 'a flat folder without a share', files: ['a/1.jpg', 'b/1.jpg'], message: /validation part.*--val-split 0\.2/ },
    { what: 'an empty validation part', files: ['train/a/1.jpg', 'train/b/1.jpg', 'val/a/x'], message: /pictures to validate with/ },
    { what: 'two validation parts', files: ['train/a/1.jpg', 'val/a/1.jpg', 'valid/a/1.jpg'], message: /got val and valid/ },
    {
      what: 'a share besides a validation part',
      files: ['train/a/1.jpg', 'train/b/1.jpg', 'val/a/1.jpg'],
      options: { valSplit: 0.2 },
      kind: UsageError,
      message: /\[valSplit\] expected a folder without a validation part/,
    },
    {
      what: 'a share of 20',
      files: ['a/1.jpg', 'b/1.jpg'],
      options: { valSplit: 20 },
      kind: UsageError,
      message: /between 0 and 1, got 20/,
    },
  ];
  it.each(refusals)('refuses $what', async ({ files, options, kind = DataError, message }) => {
    await putAll(...files);
    const attempt = openImageFolder(root, options);
    await expect(attempt).rejects.toThrow(message);
    await expect(attempt).rejects.toBeInstanceOf(kind);
  });

  it('says so if the folder is missing, a file, or may not be read', async () => {
    const missing = openImageFolder(path.join(root, 'gone'));
    await expect(missing).rejects.toThrow(/gone\] expected a folder that can be read, got ENOENT.*Check the path/);
    await expect(missing).rejects.toBeInstanceOf(DataError);
    await expect(openImageFolder(await put('a.jpg'))).rejects.toThrow(/ENOTDIR.*not a file in it/);
  });

  it.skipIf(process.getuid?.() === 0)('says so if a folder may not be read (skipped for root, who may)', async () => {
    await putAll('train/a/1.jpg', 'train/b/1.jpg', 'val/a/1.jpg');
    await chmod(path.join(root, 'train/a'), 0);
    await expect(openImageFolder(root)).rejects.toThrow(/train\/a\] .*EACCES.*right to read/);
    await chmod(path.join(root, 'train/a'), 0o755);
  });
});

describe('a file with names that lies in the folder', () => {
  it('is offered, and not called ignored once it is given', async () => {
    await putAll('train/1/a.jpg', 'train/2/a.jpg', 'val/1/a.jpg');
    const file = path.join(root, 'cat_to_name.json');
    await writeFile(file, '{"1": "rose", "2": "lily"}');
    expect((await openImageFolder(root)).report.lines.slice(-2)).toEqual([
      'ignored 1 other file: cat_to_name.json',
      `cat_to_name.json may hold names for the classes: --names ${file} shows them`,
    ]);
    const { names, report } = await openImageFolder(root, { names: file });
    expect(names).toEqual(['rose', 'lily']);
    expect(report.lines.join()).not.toContain('cat_to_name');
  });
});

describe('openLabelledFolder', () => {
  const classes = ['a', 'b', 'c'];

  it('labels a flat folder, or the validation part, by the classes given', async () => {
    await putAll('c/1.jpg', 'a/1.jpg', 'a/2.jpg');
    const { split, report } = await openLabelledFolder(root, { classes });
    expect(below(split.files)).toEqual(['a/1.jpg', 'a/2.jpg', 'c/1.jpg']);
    expect(split.labels).toEqual(Int32Array.of(0, 0, 2));
    expect(report.missing.map((m) => m.class)).toEqual(['b']);
    expect(report.lines).toEqual(['found 3 images in 2 classes to validate with', "val: no pictures of 'b' (1 of 3 classes)"]);
    await putAll('train/a/1.jpg', 'test/a/1.jpg', 'valid/b/1.jpg');
    expect(below((await openLabelledFolder(root, { classes })).split.files)).toEqual(['valid/b/1.jpg']);
  });

  it('takes options that are undefined as left out', async () => {
    await putAll('a/1.jpg', 'b/1.jpg');
    expect(await openLabelledFolder(root, { classes, strict: undefined })).toEqual(await openLabelledFolder(root, { classes }));
  });

  it('does not judge by pictures to train with, unless their folder itself is named', async () => {
    await putAll('train/a/1.jpg', 'train/b/1.jpg');
    await expect(openLabelledFolder(root, { classes })).rejects.toThrow(/a validation or a test part, got pictures to train with alone/);
    const { split } = await openLabelledFolder(path.join(root, 'train'), { classes });
    expect(split.files).toHaveLength(2);
  });

  it('refuses a class that the recognizer does not know, and a folder without pictures', async () => {
    await expect(openLabelledFolder(root, { classes })).rejects.toThrow(/class folders with pictures/);
    await putAll('a/1.jpg', 'rose/1.jpg');
    await expect(openLabelledFolder(root, { classes })).rejects.toThrow(/3 classes \(a, b, c\), got 'rose'/);
  });
});

const shared = fileURLToPath(new URL('../../../shared/data', import.meta.url));
const real = [
  { name: 'flowers16', train: 469, val: 123, classes: 16, options: { names: path.join(shared, 'flowers16/cat_to_name.json') } },
  { name: 'hymenoptera_data', train: 244, val: 153, classes: 2, options: {} },
];
describe.each(real)('$name (skipped where it is absent)', ({ name, train, val, classes, options }) => {
  it.skipIf(!existsSync(path.join(shared, name)))('has the known counts', async () => {
    const folder = await openImageFolder(path.join(shared, name), options);
    expect(folder.splits.train.files.length).toBe(train);
    expect(folder.splits.val.files.length).toBe(val);
    expect(folder.classes.length).toBe(classes);
    expect(folder.report).toMatchObject({ broken: [], missing: [], emptyClasses: [], unnamed: [] });
    expect(folder.report.lines[0]).toBe(`found ${train} images in ${classes} classes to train with`);
    if (name === 'flowers16') expect(folder.classes.slice(0, 4)).toEqual(['10', '100', '102', '11']);
  });
});
