import path from 'node:path';
import { DataError } from '../core/errors.ts';
import { countOf, FolderReader } from './folder-reader.ts';
import { describeFolder } from './folder-report.ts';
import type { FolderReport, PictureSplit } from './image-folder.ts';

/**
 * Opens a folder of pictures, one folder a class, to evaluate a recognizer that exists: `root/<class>/*`, or the validation part (else the
 * test part) of a folder that has parts.
 *
 * - `classes` the recognizer's, by index; one without pictures is reported; `strict` stop at a broken file
 *
 * **Throws** `DataError` if the folder cannot be read, has no pictures, has a part to train with alone, or has a class that the recognizer does not know.
 *
 * @example const { split } = await openLabelledFolder('more-flowers', { classes: metadata.classes });
 */
export async function openLabelledFolder(
  root: string,
  { classes, strict }: { classes: readonly string[]; strict?: boolean },
): Promise<{ split: PictureSplit; report: FolderReport }> {
  const reader = new FolderReader(root, { strict });
  const parts = await reader.readParts();
  const name = (['val', 'test', 'train'] as const).find((split) => countOf(parts[split]) > 0);
  if (name === 'train' && reader.hasParts)
    throw new DataError({
      where: root,
      expected: 'a validation or a test part',
      got: 'pictures to train with alone',
      hint: `A network knows those it was trained with. If that is meant, name their own folder, ${path.join(root, 'train')}`,
    });
  if (!name)
    throw new DataError({
      where: root,
      expected: 'class folders with pictures',
      got: 'none',
      hint: 'Put the pictures of each class into a folder of their own: <folder>/<class>/<picture>.jpg',
    });
  const part = parts[name]!;
  const stranger = [...part].find(([folder, pictures]) => pictures.length > 0 && !classes.includes(folder));
  if (stranger)
    throw new DataError({
      where: root,
      expected: `folders named as the recognizer's ${classes.length} classes (${classes.slice(0, 5).join(', ')}${classes.length > 5 ? ', …' : ''})`,
      got: `'${stranger[0]}'`,
      hint: 'Rename that folder or move it elsewhere',
    });
  const pictures = classes.map((folder) => part.get(folder) ?? []);
  const split = {
    files: pictures.flat().map((picture) => path.join(root, picture)),
    labels: Int32Array.from(pictures.flatMap((list, label) => list.map(() => label))),
  };
  const found = {
    emptyClasses: reader.emptyClasses,
    missing: classes.filter((_, label) => pictures[label].length === 0).map((folder) => ({ class: folder, split: 'val' as const })),
    ignored: reader.ignored,
    broken: reader.broken,
    unnamed: [],
  };
  return { split, report: { ...found, lines: describeFolder({ val: split }, classes.length, found) } };
}
