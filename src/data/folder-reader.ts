import path from 'node:path';
import { DataError } from '../core/errors.ts';
import { type BrokenFile, findBroken } from './check-pictures.ts';
import { type FolderEntries, isHidden, listPictures, readFolder } from './list-pictures.ts';

export type SplitName = 'train' | 'val' | 'test';

export const countOf = (byClass: ByClass | undefined): number => [...(byClass?.values() ?? [])].reduce((n, { length }) => n + length, 0);

/** Folder names of the parts. */
export const partNames: Readonly<Record<SplitName, readonly string[]>> = {
  train: ['train'],
  val: ['val', 'valid', 'validation'],
  test: ['test'],
};
export const splitNames = Object.keys(partNames) as SplitName[];

/** Pictures by class folder: of one part, or of the whole folder. */
export type ByClass = Map<string, readonly string[]>;
export type Parts = Partial<Record<SplitName, ByClass>>;

/** Reads the class folders of a folder of pictures and notes what is odd about it. */
export class FolderReader {
  readonly root: string;
  readonly #strict: boolean;
  readonly ignored: string[] = [];
  readonly broken: BrokenFile[] = [];
  /** Whether the folder has parts, such as `train`, instead of class folders. */
  hasParts = false;
  readonly emptyClasses: string[] = [];

  constructor(root: string, { strict = false }: { strict?: boolean }) {
    this.root = root;
    this.#strict = strict;
  }

  /** The folders that are parts, by the part they are. A flat folder has none, even if one of its classes is called `train`. */
  async findParts({ folders }: FolderEntries): Promise<Partial<Record<SplitName, string>>> {
    const parts: Partial<Record<SplitName, string>> = {};
    let hasClasses = false;
    for (const split of splitNames) {
      const found = partNames[split].filter((name) => folders.includes(name));
      if (found.length > 1)
        throw new DataError({
          where: this.root,
          expected: `one folder for the ${split} part`,
          got: found.join(' and '),
          hint: 'Move one of them elsewhere',
        });
      if (found.length === 0) continue;
      parts[split] = found[0];
      hasClasses ||= (await readFolder(path.join(this.root, found[0]))).folders.some((name) => !isHidden(name));
    }
    return hasClasses || (parts.train && parts.val) ? parts : {};
  }

  /** The pictures of the class folders in `root/part`, the broken ones left out. */
  async readClasses(part: string, { folders, files }: FolderEntries): Promise<ByClass> {
    const below = (name: string) => (part ? `${part}/${name}` : name);
    this.ignored.push(...[...files, ...folders.filter(isHidden)].map(below));
    const byClass: ByClass = new Map();
    for (const name of folders) {
      if (isHidden(name)) continue;
      const { pictures, ignored } = await listPictures(this.root, below(name));
      this.ignored.push(...ignored);
      byClass.set(name, pictures);
    }
    const all = [...byClass.values()].flat();
    const broken = await findBroken(all.map((picture) => path.join(this.root, picture)));
    if (this.#strict && broken.length > 0)
      throw new DataError({
        where: broken[0].file,
        expected: 'a picture',
        got: broken[0].reason,
        hint: 'Repair or remove it, or leave strict mode to skip broken files',
      });
    this.broken.push(...broken.map(({ file, reason }) => ({ file: path.relative(this.root, file).split(path.sep).join('/'), reason })));
    const bad = new Set(this.broken.map(({ file }) => file));
    for (const [name, pictures] of byClass) {
      const sound = pictures.filter((picture) => !bad.has(picture));
      byClass.set(name, sound);
      if (sound.length === 0) this.emptyClasses.push(below(name));
    }
    return byClass;
  }

  /** The class folders of every part that the folder has; of one without parts all, as `train`. */
  async readParts(): Promise<Parts> {
    const { root } = this;
    const entries = await readFolder(root);
    const found = await this.findParts(entries);
    const parts: Parts = {};
    this.hasParts = Object.keys(found).length > 0;
    if (!this.hasParts) parts.train = await this.readClasses('', entries);
    else {
      const others = [...entries.files, ...entries.folders].filter((name) => !Object.values(found).includes(name));
      this.ignored.push(...others);
      for (const split of splitNames) {
        const part = found[split];
        if (part !== undefined) parts[split] = await this.readClasses(part, await readFolder(path.join(root, part)));
      }
    }
    return parts;
  }
}
