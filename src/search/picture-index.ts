import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { DataError, UsageError } from '../core/errors.ts';
import type { StateDict } from '../core/ndarray.ts';
import { formatShape, type Shape } from '../core/shape.ts';
import type { BrokenFile } from '../data/check-pictures.ts';
import { compareNames, listPictures } from '../data/list-pictures.ts';
import { presetTransforms, type TransformList } from '../data/transforms/index.ts';
import type { Module } from '../nn/module.ts';
import type { FeatureExtractor } from './features.ts';
import { type IndexEntry, indexPlaces, type PictureIndex, readIndex, writeIndex } from './index-file.ts';
import { type IndexOptions, readFeatures } from './read-features.ts';

/** Changes whenever features of the same weights and preprocessing come out otherwise. */
const featureVersion = 1;

export interface SearchNetwork {
  readonly module: Module;
  readonly state: StateDict;
  /** `[3, S, S]`. */
  readonly inputShape: Shape;
}

/** What was done to bring an index up to date. */
export interface IndexReport {
  /** Where it is kept. */
  file: string;
  pictures: number;
  added: number;
  changed: number;
  removed: number;
  /** Files that are no pictures, by their paths below the folder. */
  broken: BrokenFile[];
  /** Why an index that was there could not be used. */
  rebuilt?: string;
}

/** How pictures are prepared: as for validation, cut to the network's size. */
export function searchTransforms(inputShape: Shape): TransformList {
  const [channels, height, width] = inputShape;
  if (inputShape.length !== 3 || channels !== 3 || height !== width)
    throw new UsageError({ where: 'search', expected: 'a network for square colour pictures', got: formatShape(inputShape) });
  return presetTransforms('none', { size: height }).valid;
}

function identityOf(state: StateDict, transforms: TransformList): string {
  const hash = createHash('sha256').update(JSON.stringify([featureVersion, transforms]));
  for (const [name, { dtype, shape, data }] of [...state].sort(([a], [b]) => compareNames(a, b)))
    hash.update(JSON.stringify([name, dtype, shape])).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return hash.digest('hex');
}

/** The files of a folder that may be pictures, as they are now. */
async function entriesNow(folder: string): Promise<IndexEntry[]> {
  const { pictures } = await listPictures(folder, '.');
  const found: IndexEntry[] = [];
  for (const name of pictures.map((picture) => picture.replace(/^\.\//, ''))) {
    // What vanishes, or leads nowhere, is not there.
    const status = await stat(path.join(folder, name)).catch(() => undefined);
    if (status) found.push({ name, bytes: status.size, modifiedMs: status.mtimeMs });
  }
  return found;
}

const isSame = (a: IndexEntry, b: IndexEntry): boolean => a.bytes === b.bytes && a.modifiedMs === b.modifiedMs;

/** Why an index that was read cannot be gone on with; undefined if it can, or if there is none. */
function unusable(old: Awaited<ReturnType<typeof readIndex>>, identity: string, size: number): string | undefined {
  if (!old) return undefined;
  if ('damaged' in old) return `it is damaged: ${old.damaged}`;
  if (old.identity !== identity || old.size !== size) return 'it was made with other weights or another preprocessing';
  return undefined;
}

/** Brings the index of a folder up to date: reads what is new or changed, drops what is gone, writes it if anything did. */
export async function updateIndex(
  folder: string,
  { state, inputShape }: SearchNetwork,
  extractor: FeatureExtractor,
  options: IndexOptions,
): Promise<{ index: PictureIndex; report: IndexReport }> {
  const transforms = searchTransforms(inputShape);
  const identity = identityOf(state, transforms);
  const places = await indexPlaces(folder);
  const now = await entriesNow(folder);
  if (now.length === 0)
    throw new DataError({ where: folder, expected: 'pictures', got: 'none', hint: 'Name a folder with pictures in it or below it' });
  const stored = await readIndex(places);
  const rebuilt = unusable(stored, identity, extractor.size);
  const old = stored && !('damaged' in stored) && rebuilt === undefined ? stored : undefined;
  const known = new Map<string, { entry: IndexEntry; vector?: Float32Array }>();
  let row = 0;
  for (const entry of old?.entries ?? []) {
    const vector = entry.broken === undefined ? old!.vectors.subarray(row * extractor.size, ++row * extractor.size) : undefined;
    known.set(entry.name, { entry, vector });
  }
  const stale = now.filter((entry) => !(known.has(entry.name) && isSame(known.get(entry.name)!.entry, entry)));
  const isStale = new Set(stale.map(({ name }) => name));
  const fresh = await readFeatures(folder, [...isStale], extractor, transforms, options);
  const vectorOf = (name: string) => (isStale.has(name) ? fresh.vectors.get(name) : known.get(name)?.vector);
  const brokenOf = (name: string) => (isStale.has(name) ? fresh.broken.get(name) : known.get(name)?.entry.broken);
  const pictures = now.filter(({ name }) => vectorOf(name));
  const broken = now.filter(({ name }) => !vectorOf(name)).map((entry) => ({ ...entry, broken: brokenOf(entry.name) ?? 'no picture' }));
  const vectors = new Float32Array(pictures.length * extractor.size);
  for (const [i, { name }] of pictures.entries()) vectors.set(vectorOf(name)!, i * extractor.size);
  const index = { identity, entries: [...pictures, ...broken], size: extractor.size, vectors };
  const present = new Set(now.map(({ name }) => name));
  const removed = [...known.keys()].filter((name) => !present.has(name)).length;
  if (!old || stale.length > 0 || removed > 0) await writeIndex(places, index);
  const changed = [...fresh.vectors.keys()].filter((name) => known.has(name)).length;
  const counts = { pictures: pictures.length, added: fresh.vectors.size - changed, changed, removed };
  const unread = broken.map(({ name, broken: reason }) => ({ file: name, reason }));
  return { index, report: { file: places.write, ...counts, broken: unread, ...(rebuilt && { rebuilt }) } };
}
