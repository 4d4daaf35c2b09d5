import path from 'node:path';
import { UsageError } from '../core/errors.ts';
import { didYouMean } from '../core/nearest.ts';
import { checkOptions, integer } from '../core/option-ranges.ts';
import { cifarClasses, hasCifarFiles, loadCifar10 } from './cifar.ts';
import type { Dataset } from './dataset.ts';
import { FolderReader } from './folder-reader.ts';
import { namesAmong } from './folder-report.ts';
import { openImageFolder } from './image-folder.ts';
import { readFolder } from './list-pictures.ts';
import { loadMnist } from './mnist.ts';
import { pictureDataset } from './picture-dataset.ts';
import type { TransformList } from './transforms/index.ts';

export interface SmallPictures {
  /** `mnist`, or the folder's own name. */
  readonly name: string;
  readonly train: Dataset;
  readonly test: Dataset;
  /** What is odd about the folder, one line each. */
  readonly notes: readonly string[];
}

const defaultSizePx = 32;
const mostSizePx = 256;
/** Share of a folder without parts that tests. */
const testShare = 0.2;

/** Whether a folder has CIFAR-10's ten classes in both of its parts. */
async function isCifarFolder(folder: string, folders: readonly string[]): Promise<boolean> {
  if (!folders.includes('train') || !folders.includes('test')) return false;
  const names = (await readFolder(path.join(folder, 'train'))).folders;
  return cifarClasses.every((name) => names.includes(name));
}

/** The folder, or the error that says what would be one. */
async function entriesOf(data: string) {
  const isName = !/[./\\]/.test(data);
  try {
    return await readFolder(data);
  } catch (error) {
    if (!isName) throw error;
    throw new UsageError(
      {
        where: 'data set',
        expected: 'mnist, a folder with CIFAR-10, or a folder with a folder of pictures for each class',
        got: `'${data}', which is neither`,
        hint: didYouMean(data, ['mnist']),
      },
      { cause: error },
    );
  }
}

/**
 * Any data set as small pictures, for classifiers that look at pixels.
 *
 * `mnist`; a folder with CIFAR-10's official files, or with its classes in `train` and `test`; or a folder of pictures in class folders, whose
 * shorter side is made `sizePx` long and the middle cut out. Its test part, else its validation part, else a fifth of the pictures tests.
 *
 * **Shapes**: samples `[C,H,W]` of levels 0 to 1: `[1,28,28]`, `[3,32,32]`, `[3,sizePx,sizePx]`.
 *
 * - `sizePx` 1 to 256, default 32; only folders of pictures of any size take it
 *
 * **Throws** `UsageError`, with the nearest name, if there is no such data set, or for a size where it is fixed; what the loaders throw for
 * broken files, wrong sizes and folders without classes.
 *
 * @example const { train, test } = await openSmallPictures('flowers', { sizePx: 32 });
 */
export async function openSmallPictures(data: string, { sizePx }: { sizePx?: number } = {}): Promise<SmallPictures> {
  checkOptions({ size: sizePx }, { size: integer(1, mostSizePx) });
  const fixed = async (name: string, side: number, load: () => Promise<{ train: Dataset; test: Dataset }>): Promise<SmallPictures> => {
    if (sizePx !== undefined && sizePx !== side)
      throw new UsageError({ where: 'size', expected: `${side}, the size of ${name}’s pictures`, got: `${sizePx}` });
    return { name, ...(await load()), notes: [] };
  };
  if (data === 'mnist') return fixed('mnist', 28, loadMnist);
  const { files, folders } = await entriesOf(data);
  const name = path.basename(path.resolve(data));
  if (hasCifarFiles(files) || (await isCifarFolder(data, folders))) return fixed(name, 32, () => loadCifar10(data));
  return { name, ...(await openPictures(data, name, sizePx ?? defaultSizePx)) };
}

/** Names to show; classes of one name are told apart by their folders. */
const distinct = (names: readonly string[], folders: readonly string[]): string[] =>
  names.map((name, i) => (names.filter((other) => other === name).length > 1 ? `${name} (${folders[i]})` : name));

async function openPictures(folder: string, name: string, size: number) {
  const entries = await readFolder(folder);
  const found = await new FolderReader(folder, {}).findParts(entries);
  const hasParts = Boolean(found.val ?? found.test);
  const namesFile = namesAmong(entries.files);
  const { splits, classes, names, report } = await openImageFolder(folder, {
    testValidates: true,
    purposes: { train: 'to learn from', val: found.val && found.test ? 'that are left alone' : 'to test with', test: 'to test with' },
    valSplit: hasParts ? undefined : testShare,
    names: namesFile && path.join(folder, namesFile),
  });
  const transforms: TransformList = [{ name: 'Resize', size }, { name: 'CenterCrop', size }, { name: 'ToTensor' }];
  const open = (part: 'train' | 'test', split: typeof splits.train) =>
    pictureDataset({ name: `${name} ${part}`, split, classes: distinct(names, classes), transforms });
  const notes = hasParts ? [] : [`${folder} has no test part: about ${100 * testShare} % of its pictures test`];
  return { train: open('train', splits.train), test: open('test', splits.test ?? splits.val), notes: [...report.lines, ...notes] };
}
