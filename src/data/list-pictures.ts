import { readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { DataError, messageOf } from '../core/errors.ts';
import { pathKind } from './path-kind.ts';

/** File name extensions taken for pictures, in any letter case. */
export const pictureExtensions = ['jpg', 'jpeg', 'png', 'webp', 'bmp', 'gif', 'tif', 'tiff'] as const;

const isPictureName = (name: string): boolean =>
  (pictureExtensions as readonly string[]).includes(path.extname(name).slice(1).toLowerCase());

/** The order of Python's `sorted`: by code point, where JavaScript's own order is by UTF-16 unit. */
export function compareNames(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x === y) continue;
    const [aboveX, aboveY] = [x, y].map((unit) => unit >= 0xd800 && unit <= 0xdfff);
    return aboveX === aboveY ? x - y : aboveX ? 1 : -1;
  }
  return a.length - b.length;
}

/** What a search keeps beside the pictures of a folder. */
export const indexFileName = '.fovea-index.safetensors';

export interface FolderEntries {
  /** Names, sorted. Symbolic links count as what they lead to; one that leads nowhere is a file. */
  folders: string[];
  files: string[];
}

/** What a system says about a folder, as an error that tells the reader what to do. */
const hints: Readonly<Record<string, string>> = {
  ENOENT: 'Check the path',
  ENOTDIR: 'Name the folder that holds the class folders, not a file in it',
  EACCES: 'Give yourself the right to read it (chmod -R u+rX)',
  EPERM: 'Give yourself the right to read it (chmod -R u+rX)',
  ELOOP: 'A symbolic link leads back to itself: remove it',
};

const asFolderError = (folder: string) => (error: NodeJS.ErrnoException) => {
  throw new DataError(
    { where: folder, expected: 'a folder that can be read', got: messageOf(error), hint: hints[error.code ?? ''] },
    { cause: error },
  );
};

/**
 * The entries of a folder; Fovea's own index is none of the user's.
 *
 * **Throws** `DataError` naming the folder if it is missing, a file or may not be read.
 */
export async function readFolder(folder: string): Promise<FolderEntries> {
  const all = await readdir(folder, { withFileTypes: true }).catch(asFolderError(folder));
  const entries = all.filter(({ name }) => name !== indexFileName);
  const isFolder = await Promise.all(
    entries.map((entry) =>
      entry.isSymbolicLink() ? pathKind(path.join(folder, entry.name)).then((kind) => kind === 'folder') : entry.isDirectory(),
    ),
  );
  const names = (folders: boolean) => entries.filter((_, i) => isFolder[i] === folders).map(({ name }) => name);
  return { folders: names(true).sort(compareNames), files: names(false).sort(compareNames) };
}

export const isHidden = (name: string): boolean => name.startsWith('.') || name === '__MACOSX';

/** Pictures of a folder and what else lies there, as paths below `root` with `/`. */
export interface Listing {
  pictures: string[];
  ignored: string[];
}

/**
 * All pictures below `root/folder`, in torchvision's order: folder by folder, sorted by their paths, and by name in each. Symbolic links are
 * followed, except one that leads back to a folder it lies in.
 */
export async function listPictures(root: string, folder: string): Promise<Listing> {
  const found: { folder: string; files: string[] }[] = [];
  const ignored: string[] = [];
  const visit = async (folder: string, parents: readonly string[]): Promise<void> => {
    const real = await realpath(path.join(root, folder)).catch(asFolderError(path.join(root, folder)));
    if (parents.includes(real)) {
      ignored.push(folder);
      return;
    }
    const { folders, files } = await readFolder(path.join(root, folder));
    const isWanted = (name: string) => !isHidden(name) && isPictureName(name);
    found.push({ folder, files: files.filter(isWanted) });
    ignored.push(...files.filter((name) => !isWanted(name)).map((name) => `${folder}/${name}`));
    ignored.push(...folders.filter(isHidden).map((name) => `${folder}/${name}`));
    for (const name of folders) if (!isHidden(name)) await visit(`${folder}/${name}`, [...parents, real]);
  };
  await visit(folder, []);
  found.sort((a, b) => compareNames(a.folder, b.folder));
  return { pictures: found.flatMap(({ folder, files }) => files.map((name) => `${folder}/${name}`)), ignored };
}
