import path from 'node:path';
import { DataError, UsageError } from '../core/errors.ts';
import type { BrokenFile } from './check-pictures.ts';
import { type ClassNames, readClassNames } from './class-names.ts';
import { type ByClass, countOf, FolderReader, type Parts, partNames, type SplitName, splitNames } from './folder-reader.ts';
import { describeFolder, namesAmong, type Purposes } from './folder-report.ts';
import { compareNames } from './list-pictures.ts';
import { isInValidation } from './split.ts';

/** Part of a data set: pictures and the class index of each. */
export interface PictureSplit {
  /** Paths that begin with the data set's folder as it was given. */
  readonly files: readonly string[];
  readonly labels: Int32Array;
}

/** What is worth saying about a folder of pictures. Paths are below the folder, with `/`. */
export interface FolderReport {
  /** Class folders without a usable picture. */
  readonly emptyClasses: readonly string[];
  /** Classes that have pictures, but none in this part. */
  readonly missing: readonly { readonly class: string; readonly split: SplitName }[];
  /** Hidden files, and files that are no pictures by their names. */
  readonly ignored: readonly string[];
  /** Files that cannot be decoded; they are left out. */
  readonly broken: readonly BrokenFile[];
  /** Classes that the given names do not mention. */
  readonly unnamed: readonly string[];
  /** All of this in words, one line each: `found 469 images in 16 classes`. */
  readonly lines: readonly string[];
}

export interface ImageFolder {
  readonly root: string;
  readonly splits: { readonly train: PictureSplit; readonly val: PictureSplit; readonly test?: PictureSplit };
  /** Names of the class folders, sorted by code point: a label is an index into them, in every split. */
  readonly classes: readonly string[];
  /** Names to show, by class index. */
  readonly names: readonly string[];
  readonly report: FolderReport;
}

export interface ImageFolderOptions {
  /** Share of the pictures that validate, between 0 and 1, where the folder has no part for it. */
  valSplit?: number;
  /** Names to show by folder name, or the JSON file that has them. */
  names?: string | ClassNames;
  /** Stop at the first broken file; default: leave broken files out and report them. */
  strict?: boolean;
  /** Where the folder has no validation part, its test part serves as one; default false. */
  testValidates?: boolean;
  /** What the report says the parts are for; default: to train with, to validate with, kept apart. */
  purposes?: Purposes;
}

/** Takes the validation part out of the training part. */
function divide(train: ByClass, valSplit: number): Required<Pick<Parts, 'train' | 'val'>> {
  const parts = { train: new Map() as ByClass, val: new Map() as ByClass };
  for (const [name, pictures] of train) {
    const inVal = isInValidation(pictures, valSplit);
    parts.train.set(
      name,
      pictures.filter((_, i) => !inVal[i]),
    );
    parts.val.set(
      name,
      pictures.filter((_, i) => inVal[i]),
    );
  }
  return parts;
}

/** What takes a fifth, for callers of the library and of the command line. */
const fifth = 'valSplit: 0.2 (--val-split 0.2)';

/** Makes sure that there is something to train and something to validate with. */
function completeParts(root: string, parts: Parts, valSplit: number | undefined): Parts & { train: ByClass; val: ByClass } {
  const layout = `class folders with pictures in ${path.join(root, 'train')}, or in the folder itself`;
  if (countOf(parts.train) === 0)
    throw new DataError({
      where: root,
      expected: layout,
      got: parts.train?.size ? `${parts.train.size} class folders without a usable picture` : 'none',
      hint: 'Put the pictures of each class into a folder of their own: <folder>/<class>/<picture>.jpg',
    });
  if (parts.val && valSplit !== undefined)
    throw new UsageError({
      where: 'valSplit',
      expected: 'a folder without a validation part',
      got: `${root}, which has one`,
      hint: 'Leave the option out, or move that part elsewhere',
    });
  if (!parts.val && valSplit === undefined)
    throw new DataError({
      where: root,
      expected: `a validation part: a folder ${partNames.val.join(', ')}`,
      got: 'none',
      hint: `Use ${fifth} to take a fifth of the pictures for it`,
    });
  const complete = { ...parts, ...(parts.val ? {} : divide(parts.train!, valSplit!)) } as ReturnType<typeof completeParts>;
  if (countOf(complete.val) === 0)
    throw new DataError({
      where: root,
      expected: 'pictures to validate with',
      got: 'a validation part without a usable picture',
      hint: `Add some, or remove that folder and use ${fifth}`,
    });
  return complete;
}

/**
 * Opens a folder of pictures, one folder a class, for training: `root/{train,val|valid|validation,test}/<class>/*`, or `root/<class>/*` of
 * which `valSplit` takes a part.
 *
 * Classes are the folders' names, sorted by code point; a class that a part lacks keeps its index and is reported. Pictures may lie in folders
 * below the class's. Hidden files and files that are no pictures by their names are left out, and so are broken ones.
 *
 * - `valSplit` share of the validation part (see `isInValidation`); `names` names to show; `strict` stop at a broken file
 * - `testValidates` take the test part for validation where there is no other
 *
 * **Throws** `DataError` if the folder is missing, may not be read or holds no pictures in class folders, if there is only one class or no
 * validation part, or, with `strict`, for a broken file; `UsageError` for a `valSplit` out of range or besides a validation part.
 * **Source**: layout and order of torchvision's `ImageFolder`, except that classes count over all parts.
 *
 * @example
 * const { splits, classes, report } = await openImageFolder('flowers', { names: 'flowers/cat_to_name.json' });
 */
export async function openImageFolder(root: string, options: ImageFolderOptions = {}): Promise<ImageFolder> {
  const { names: given, testValidates, valSplit, purposes } = options;
  const shown = typeof given === 'string' ? await readClassNames(given) : given;
  const reader = new FolderReader(root, options);
  const { test, ...others } = await reader.readParts();
  const isBorrowed = Boolean(testValidates && test && !others.val);
  const parts = completeParts(root, isBorrowed ? { ...others, val: test } : { ...others, ...(test && { test }) }, valSplit);
  const present = splitNames.filter((split) => parts[split] !== undefined);
  const hasClass = (split: SplitName, name: string) => (parts[split]?.get(name)?.length ?? 0) > 0;
  const all = new Set(present.flatMap((split) => [...parts[split]!.keys()]));
  const classes = [...all].filter((name) => present.some((split) => hasClass(split, name))).sort(compareNames);
  if (classes.length < 2)
    throw new DataError({
      where: root,
      expected: 'two or more classes with pictures',
      got: `only '${classes[0]}'`,
      hint: 'A recognizer needs something to tell apart: add a folder for another class',
    });
  const splitOf = (split: SplitName): PictureSplit => {
    const pictures = classes.map((name) => parts[split]?.get(name) ?? []);
    return {
      files: pictures.flat().map((picture) => path.join(root, picture)),
      labels: Int32Array.from(pictures.flatMap((list, label) => list.map(() => label))),
    };
  };
  const splits = { train: splitOf('train'), val: splitOf('val'), ...(parts.test ? { test: splitOf('test') } : {}) };
  const found = {
    emptyClasses: reader.emptyClasses,
    missing: present.flatMap((split) => classes.filter((name) => !hasClass(split, name)).map((name) => ({ class: name, split }))),
    // Names that are given may be those of such a file.
    ignored: reader.ignored.filter((file) => !shown || !namesAmong([file])),
    broken: reader.broken,
    unnamed: shown ? classes.filter((name) => !Object.hasOwn(shown, name)) : [],
  };
  const names = classes.map((name) => (shown && Object.hasOwn(shown, name) ? shown[name] : name));
  const lines = describeFolder(splits, classes.length, found, purposes);
  const offered = shown ? undefined : namesAmong(found.ignored);
  if (offered) lines.push(`${offered} may hold names for the classes: --names ${path.join(root, offered)} shows them`);
  return { root, splits, classes, names, report: { ...found, lines } };
}
