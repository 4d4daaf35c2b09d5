import { createHash } from 'node:crypto';
import { access, constants, mkdir, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { DataError, FoveaError, messageOf } from '../core/errors.ts';
import type { StateDict } from '../core/ndarray.ts';
import { weightsCacheDir } from '../data/weights-cache.ts';
import { writeAtomic } from '../data/write-atomic.ts';
import { readSafetensors, writeSafetensors } from '../formats/safetensors.ts';

const indexName = '.fovea-index.safetensors';

const entry = z.strictObject({
  /** Path below the folder, with `/`. */
  name: z.string(),
  bytes: z.number(),
  modifiedMs: z.number(),
  /** Why it is no picture; absent if it is one. */
  broken: z.string().optional(),
});
export type IndexEntry = z.infer<typeof entry>;

/** The pictures of a folder with their feature vectors. */
export interface PictureIndex {
  /** Digest of the weights and the preprocessing that made the vectors. */
  readonly identity: string;
  /** Pictures first, in the order of the vectors, then files that are none. */
  readonly entries: readonly IndexEntry[];
  /** Length of a vector. */
  readonly size: number;
  /** One vector of length 1 for each picture, one after the other. */
  readonly vectors: Float32Array;
}

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array => new Uint8Array(buffer, byteOffset, byteLength);

/** Where a folder's index is read, the first that exists, and where it is written. */
export interface IndexPlaces {
  readonly read: readonly string[];
  readonly write: string;
}

/** A folder marked read-only is to stay as it is, even where the system lets this user (root) write. */
async function mayWrite(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.W_OK);
    return ((await stat(folder)).mode & 0o222) !== 0;
  } catch {
    return false;
  }
}

/** In the folder itself; for a folder that may not be written, in the cache. */
export async function indexPlaces(folder: string): Promise<IndexPlaces> {
  const own = path.join(folder, indexName);
  if (await mayWrite(folder)) return { read: [own], write: own };
  const real = await realpath(folder).catch(() => path.resolve(folder));
  const cached = path.join(weightsCacheDir(), 'search', `${digest(new TextEncoder().encode(real)).slice(0, 16)}.safetensors`);
  return { read: [cached, own], write: cached };
}

function parseIndex(bytes: Uint8Array, file: string): PictureIndex {
  const damaged = (got: string) => new DataError({ where: file, expected: 'an index of pictures', got });
  const { tensors, metadata } = readSafetensors(bytes, file);
  const [vectors, table] = [tensors.get('vectors'), tensors.get('entries')];
  if (vectors?.dtype !== 'f32' || vectors.shape.length !== 2 || table?.dtype !== 'u8') throw damaged('another file');
  let entries: IndexEntry[];
  try {
    entries = z.array(entry).parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(table.data as Uint8Array)));
  } catch (error) {
    throw damaged(`a table that cannot be read (${messageOf(error).split('\n')[0]})`);
  }
  const data = vectors.data as Float32Array;
  const pictures = entries.filter(({ broken }) => broken === undefined).length;
  if (pictures !== vectors.shape[0]) throw damaged(`${vectors.shape[0]} vectors for ${pictures} pictures`);
  if (metadata.sha256 !== digest(bytesOf(data))) throw damaged('vectors that have changed');
  return { identity: metadata.identity ?? '', entries, size: vectors.shape[1], vectors: data };
}

/** The index of a folder; undefined if there is none; what is wrong with it if it is damaged. */
export async function readIndex({ read }: IndexPlaces): Promise<PictureIndex | { damaged: string } | undefined> {
  for (const file of read) {
    try {
      return parseIndex(await readFile(file), file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      return { damaged: error instanceof FoveaError ? error.complaint.got : messageOf(error) };
    }
  }
  return undefined;
}

/** **Throws** `CheckpointError` if the disk refuses. */
export async function writeIndex({ write }: IndexPlaces, { identity, entries, size, vectors }: PictureIndex): Promise<void> {
  // A tensor of text rather than metadata: a header of megabytes is slow to check.
  const table = new TextEncoder().encode(JSON.stringify(entries));
  const tensors: StateDict = new Map([
    ['vectors', { dtype: 'f32', shape: [size ? vectors.length / size : 0, size], data: vectors as Float32Array<ArrayBuffer> }],
    ['entries', { dtype: 'u8', shape: [table.length], data: table }],
  ]);
  await mkdir(path.dirname(write), { recursive: true }).catch(() => undefined);
  await writeAtomic(write, writeSafetensors(tensors, { identity, sha256: digest(bytesOf(vectors)) }));
}
