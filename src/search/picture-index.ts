import { stat } from 'node:fs/promises';
import path from 'node:path';
import { DataError, messageOf } from '../core/errors.ts';
import type { BrokenFile } from '../data/check-pictures.ts';
import { listPictures } from '../data/list-pictures.ts';
import { Embedder, type EmbedderOptions } from './embedder.ts';
import { type IndexContents, type IndexEntry, indexPlaces, readIndex, writeIndex } from './index-file.ts';

export interface OpenIndexOptions extends EmbedderOptions {
  /** Told after each batch of pictures that are new or changed. */
  onProgress?: (done: number, total: number) => void;
}

/** What opening an index found and did. */
export interface IndexReport {
  /** Where it is kept; absent if it could not be written. */
  readonly file?: string;
  /** Pictures that can be found. */
  readonly pictures: number;
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
  /** Files that cannot be decoded, below the folder; they are left out. */
  readonly broken: readonly BrokenFile[];
  /** Why the index that was there could not be used. */
  readonly rebuilt?: string;
  /** Why it could not be kept. */
  readonly unsaved?: string;
}

/** A picture file of the folder as it is now. */
interface Found extends IndexEntry {
  readonly device: number;
  readonly inode: number;
}

const saveEveryMs = 30_000;

async function findPictures(folder: string): Promise<Found[]> {
  const { pictures } = await listPictures(folder, '.');
  return Promise.all(
    pictures.map(async (listed) => {
      const name = listed.slice(2);
      // A link that leads nowhere is a broken picture.
      const status = await stat(path.join(folder, name)).catch(() => undefined);
      const { size = -1, mtimeMs = -1, ctimeMs = -1, dev = -1, ino = -1 } = status ?? {};
      return { name, bytes: size, mtimeMs, ctimeMs, device: dev, inode: ino };
    }),
  );
}

type FileState = Pick<IndexEntry, 'bytes' | 'mtimeMs' | 'ctimeMs'>;

/** Two files that changed places keep size and time of their contents, and a file that may be read at last does, too. */
const isSame = (known: FileState, now: FileState): boolean =>
  known.bytes === now.bytes && known.mtimeMs === now.mtimeMs && (known.ctimeMs ?? now.ctimeMs) === now.ctimeMs;

/** The first usable index among the places where it may be, and why another could not be used. */
async function readFirst(places: readonly string[], embedder: Embedder) {
  let rebuilt: string | undefined;
  for (const file of places) {
    const read = await readIndex(file);
    if ('contents' in read) {
      const { contents } = read;
      if (contents.identity === embedder.identity && contents.size === embedder.size) return { file, contents };
      rebuilt ??= 'it was made with other weights or preprocessing';
    } else if ('useless' in read) rebuilt ??= read.useless;
  }
  return { rebuilt };
}

/** The pictures of a folder as vectors. Open one with `openIndex`, close it when done. */
export class PictureIndex {
  readonly folder: string;
  readonly report: IndexReport;
  readonly embedder: Embedder;
  readonly vectors: Float32Array;
  readonly #found: readonly Found[];

  constructor(folder: string, embedder: Embedder, found: readonly Found[], vectors: Float32Array, report: IndexReport) {
    this.folder = folder;
    this.embedder = embedder;
    this.#found = found;
    this.vectors = vectors;
    this.report = report;
  }

  /** Paths below the folder, with `/`, by row of `vectors`. */
  nameOf = (row: number): string => this.#found[row].name;
  isBroken = (row: number): boolean => this.#found[row].broken !== undefined;

  /** The rows of a file, whatever its path: several where links lead to it. `isCurrent`: the file has not changed since it was indexed. */
  async rowsOf(file: string): Promise<{ row: number; isCurrent: boolean }[]> {
    const status = await stat(file).catch(() => undefined);
    if (!status) return [];
    const { size: bytes, mtimeMs, ctimeMs } = status;
    return this.#found.flatMap((found, row) =>
      found.inode === status.ino && found.device === status.dev ? [{ row, isCurrent: isSame(found, { bytes, mtimeMs, ctimeMs }) }] : [],
    );
  }

  /** Ends the engine, unless it was given; nothing can be searched for any more. */
  close(): Promise<void> {
    return this.embedder.close();
  }
}

/**
 * Opens the index of a folder of pictures and brings it up to date: new and changed files are looked at, removed ones forgotten. The first
 * time it is made.
 *
 * It is kept beside the pictures as `.fovea-index.safetensors`, or in the cache if the folder is read-only, and saved on the way, so that a
 * long run that is stopped goes on where it was. One made with other weights or preprocessing, or damaged, is made anew. A file counts as changed when its
 * size or one of its times of change is another. Folders below are included, hidden files are not.
 *
 * - `model`, `state` the network and its numbers; `transforms` how a picture becomes its input
 * - `engine`, `threads`, `workers` as elsewhere; the engine starts only if a picture has to be looked at
 *
 * **Throws** `DataError` if the folder cannot be read or has no usable picture; `UsageError` if the transforms draw random numbers.
 *
 * @example
 * const index = await openIndex('holiday', { model, state, transforms: presetTransforms('none').valid });
 * const results = await search(index, 'beach.jpg', { topK: 5 });
 * await index.close();
 */
export async function openIndex(folder: string, options: OpenIndexOptions): Promise<PictureIndex> {
  const { onProgress, ...rest } = options;
  const embedder = new Embedder(rest);
  try {
    return await bringUpToDate(folder, embedder, onProgress);
  } catch (error) {
    await embedder.close();
    throw error;
  }
}

async function bringUpToDate(folder: string, embedder: Embedder, onProgress: OpenIndexOptions['onProgress']): Promise<PictureIndex> {
  const found = await findPictures(folder);
  if (found.length === 0) throw noPictures(folder, 'none');
  const places = await indexPlaces(folder);
  const { file, contents: old, rebuilt } = await readFirst(places, embedder);
  const rowOf = new Map(old?.entries.map(({ name }, row) => [name, row]));
  const isKnown = (entry: IndexEntry) => rowOf.has(entry.name) && isSame(old!.entries[rowOf.get(entry.name)!], entry);
  const fresh = found.flatMap((entry, row) => (isKnown(entry) ? [] : [row]));

  const { size, identity } = embedder;
  const vectors = new Float32Array(found.length * size);
  const pending = new Set(fresh);
  for (const [row, entry] of found.entries()) {
    if (pending.has(row)) continue;
    const oldRow = rowOf.get(entry.name)!;
    vectors.set(old!.vectors.subarray(oldRow * size, (oldRow + 1) * size), row * size);
    entry.broken = old!.entries[oldRow].broken;
  }
  /** What is known so far: all, once nothing is pending. */
  const contents = (): IndexContents => {
    const rows = [...found.keys()].filter((row) => !pending.has(row));
    const known = new Float32Array(rows.length * size);
    for (const [i, row] of rows.entries()) known.set(vectors.subarray(row * size, (row + 1) * size), i * size);
    const entries = rows.map((row) => {
      const { device, inode, ...entry } = found[row];
      return entry;
    });
    return { entries, vectors: known, size, identity };
  };

  let savedMs = performance.now();
  const files = fresh.map((row) => path.join(folder, found[row].name));
  await embedder.embed(files, async (done, { vectors: made, broken, begin }) => {
    const reasons = new Map(broken.map(({ file, reason }) => [file, reason]));
    for (let i = begin; i < done; i++) {
      vectors.set(made.subarray(i * size, (i + 1) * size), fresh[i] * size);
      found[fresh[i]].broken = reasons.get(files[i]);
      pending.delete(fresh[i]);
    }
    onProgress?.(done, files.length);
    if (done === files.length || performance.now() - savedMs < saveEveryMs) return;
    await writeIndex(places[0], contents()).catch(() => undefined);
    savedMs = performance.now();
  });

  const names = new Set(found.map(({ name }) => name));
  const removed = old?.entries.filter(({ name }) => !names.has(name)).length ?? 0;
  const usable = fresh.filter((row) => found[row].broken === undefined);
  const changed = usable.filter((row) => rowOf.has(found[row].name)).length;
  const broken = found.flatMap((entry) => (entry.broken === undefined ? [] : [{ file: entry.name, reason: entry.broken }]));
  const isUpToDate = old !== undefined && fresh.length === 0 && removed === 0;
  const unsaved = isUpToDate ? undefined : await writeIndex(places[0], contents()).then(() => undefined, messageOf);
  if (broken.length === found.length) throw noPictures(folder, `${broken.length} broken files (${broken[0].file}: ${broken[0].reason})`);
  const counts = { pictures: found.length - broken.length, added: usable.length - changed, changed, removed };
  const kept = isUpToDate ? file : unsaved === undefined ? places[0] : undefined;
  return new PictureIndex(folder, embedder, found, vectors, { file: kept, ...counts, broken, rebuilt, unsaved });
}

const noPictures = (folder: string, got: string) =>
  new DataError({
    where: folder,
    expected: 'pictures (JPEG, PNG, WebP, BMP, GIF, TIFF) to search among',
    got,
    hint: 'Folders below it are searched too; hidden files and folders are not',
  });
