import { readFile, stat } from 'node:fs/promises';
import { CheckpointError, messageOf } from '../core/errors.ts';
import type { StateDict } from '../core/ndarray.ts';
import { isPth, type PlainValue, readPth } from '../formats/pth/pth.ts';
import { isSafetensors, readSafetensors, writeSafetensors } from '../formats/safetensors.ts';
import { writeAtomic } from './write-atomic.ts';

/** Named tensors as a file keeps them. */
export interface StateFile {
  /** Under PyTorch's state-dict keys. */
  tensors: StateDict;
  /** What the file says beside them. */
  metadata: Record<string, PlainValue>;
}

const wanted = 'a file with weights (.safetensors or .pth)';
/** Node reads no larger file in one piece. */
const maxBytes = 2 ** 31 - 1;

const readers: readonly { fits: (bytes: Uint8Array) => boolean; read: (bytes: Uint8Array, file: string) => StateFile }[] = [
  { fits: isSafetensors, read: readSafetensors },
  { fits: isPth, read: readPth },
];

/** What people have where weights should be, by how it begins. */
const strangers: readonly [string, string, string?][] = [
  ['version https://git-lfs', 'a pointer of Git LFS, without the weights', 'Fetch them with: git lfs pull'],
  ['<', 'a web page', 'The download failed: take the link of the file itself'],
  ['\x89HDF', 'an HDF5 file (Keras)', 'Save the weights with PyTorch or as safetensors'],
  ['\x1f\x8b', 'a gzip file', 'Unpack it with gunzip'],
  ['\x89PNG', 'a picture'],
  ['\xff\xd8\xff', 'a picture'],
];

function complain(file: string, got: string, hint?: string, cause?: unknown): never {
  throw new CheckpointError({ where: file, expected: wanted, got, hint }, { cause });
}

const problems: Readonly<Record<string, string>> = {
  ENOENT: 'nothing of that name',
  ENOTDIR: 'a path that leads through a file',
  EACCES: 'a file that you may not read',
  EPERM: 'a file that you may not read',
};
const asReadError = (file: string) => (error: unknown) =>
  complain(file, problems[(error as NodeJS.ErrnoException)?.code ?? ''] ?? messageOf(error), undefined, error);

/**
 * Reads weights from a file, whatever its name: safetensors, or what `torch.save` wrote in either form.
 *
 * - `file`: its path. At most 2 GiB.
 *
 * **Throws** `CheckpointError` naming the file if it is missing, unreadable, a folder, empty, too large or of another kind; `FormatError`
 * if it is damaged or holds no state dict (see `readSafetensors` and `readPth`).
 *
 * @example const { tensors } = await readStateFile('squeezenet1_0.pth');
 */
export async function readStateFile(file: string): Promise<StateFile> {
  const status = await stat(file).catch(asReadError(file));
  if (status.isDirectory()) complain(file, 'a folder', 'Name the file in it');
  if (status.size > maxBytes)
    complain(file, `${(status.size / 2 ** 30).toFixed(1)} GiB; at most 2 GiB are read`, 'Save the weights alone, without the optimizer');
  const bytes = await readFile(file).catch(asReadError(file));
  if (bytes.length === 0) complain(file, 'an empty file', 'Download or save it again');
  const reader = readers.find(({ fits }) => fits(bytes));
  if (reader) return reader.read(bytes, file);
  const head = bytes.toString('latin1', 0, 64).trimStart();
  const [, kind, hint] = strangers.find(([begins]) => head.startsWith(begins)) ?? [];
  return complain(file, kind ?? `something else (it begins with 0x${bytes.toString('hex', 0, 4)})`, hint);
}

/**
 * Writes weights as safetensors, which PyTorch loads (`safetensors.torch.load_file`); at any moment the old or the new file is there whole.
 *
 * - `file`: its path; its folder exists.
 * - `metadata`: text by name. `format: 'pt'`, which some readers ask for, is added.
 *
 * **Throws** `CheckpointError` naming the file if the disk refuses; `FormatError` if a tensor's data do not fill its shape.
 *
 * @example await writeStateFile('flowers.safetensors', tensors, { classes: JSON.stringify(classes) });
 */
export async function writeStateFile(file: string, tensors: StateDict, metadata: Readonly<Record<string, string>> = {}): Promise<void> {
  await writeAtomic(file, writeSafetensors(tensors, { format: 'pt', ...metadata }));
}
