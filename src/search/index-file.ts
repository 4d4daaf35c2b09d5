import { createHash } from 'node:crypto';
import { access, constants, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { FoveaError, messageOf } from '../core/errors.ts';
import type { StateDict } from '../core/ndarray.ts';
import { indexFileName } from '../data/list-pictures.ts';
import { makeFolder } from '../data/make-folder.ts';
import { weightsCacheDir } from '../data/weights-cache.ts';
import { asWriteError, writeAtomic } from '../data/write-atomic.ts';
import { bytesOf } from '../formats/bytes.ts';
import { readSafetensors, writeSafetensors } from '../formats/safetensors.ts';

/** What the index knows of a file: its state when it was read, and why it cannot be decoded, if so. */
const entrySchema = z.object({
  name: z.string(),
  bytes: z.number(),
  /** Of the contents, and of name, rights or contents. */
  mtimeMs: z.number(),
  ctimeMs: z.number().optional(),
  broken: z.string().optional(),
});
export type IndexEntry = z.infer<typeof entrySchema>;

/** Pictures of a folder and their vectors. */
export interface IndexContents {
  /** In order of the rows; a broken file has a row of zeros. */
  entries: readonly IndexEntry[];
  vectors: Float32Array<ArrayBuffer>;
  /** Length of a vector. */
  size: number;
  /** Of what made the vectors. */
  identity: string;
}

const version = '1';

/** A folder that nobody is meant to write to counts as read-only for root too, who may write anywhere. */
async function isWritable(folder: string): Promise<boolean> {
  const { mode } = await stat(folder);
  if (process.platform !== 'win32' && (mode & 0o222) === 0) return false;
  return access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
}

/** Where a folder's index may be: beside the pictures and, for a folder that is read-only, in the cache. The first is where to write. */
export async function indexPlaces(folder: string): Promise<string[]> {
  const real = await realpath(folder);
  const key = createHash('sha256').update(real).digest('hex').slice(0, 24);
  const beside = path.join(folder, indexFileName);
  const cached = path.join(weightsCacheDir(), 'search', `${key}.safetensors`);
  return (await isWritable(folder)) ? [beside, cached] : [cached, beside];
}

const checksum = (identity: string, files: Uint8Array, vectors: Float32Array): string =>
  createHash('sha256').update(identity).update(files).update(bytesOf(vectors)).digest('hex');

/** **Throws** `CheckpointError` if the disk refuses: the older index is untouched. */
export async function writeIndex(file: string, { entries, vectors, size, identity }: IndexContents): Promise<void> {
  // As bytes, not as the format's metadata: those are meant for a few short texts.
  const files = new TextEncoder().encode(JSON.stringify(entries));
  const tensors: StateDict = new Map();
  tensors.set('vectors', { dtype: 'f32', shape: [entries.length, size], data: vectors });
  tensors.set('files', { dtype: 'u8', shape: [files.length], data: files });
  const metadata = { 'fovea.index': version, identity, sha256: checksum(identity, files, vectors) };
  await makeFolder(path.dirname(file)).catch((error: unknown) => {
    throw asWriteError(file, error);
  });
  await writeAtomic(file, writeSafetensors(tensors, metadata));
}

/** What a file turned out to be. */
export type ReadIndex = { contents: IndexContents } | { missing: true } | { useless: string };

/** Reads an index; one that is damaged or of another kind is no error, it is to be made anew. */
export async function readIndex(file: string): Promise<ReadIndex> {
  try {
    const { tensors, metadata } = readSafetensors(await readFile(file), file);
    if (metadata['fovea.index'] !== version) return { useless: 'it is of another version' };
    const [vectors, files] = [tensors.get('vectors'), tensors.get('files')];
    if (vectors?.dtype !== 'f32' || files?.dtype !== 'u8') return { useless: 'it is damaged' };
    const [numbers, bytes] = [vectors.data as Float32Array<ArrayBuffer>, files.data as Uint8Array];
    const { identity } = metadata;
    if (checksum(identity, bytes, numbers) !== metadata.sha256) return { useless: 'it is damaged' };
    const entries = z.array(entrySchema).parse(JSON.parse(new TextDecoder().decode(bytes)));
    const [rows, size] = vectors.shape;
    if (rows !== entries.length) return { useless: 'it is damaged' };
    return { contents: { entries, vectors: numbers, size, identity } };
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return { missing: true };
    return { useless: error instanceof FoveaError ? `it is damaged (${error.complaint.got})` : `it cannot be read (${messageOf(error)})` };
  }
}
