import { type FileHandle, open } from 'node:fs/promises';
import { FoveaError, messageOf } from '../core/errors.ts';
import { decodePicture } from './picture.ts';
import { checkRegular } from './regular-file.ts';

const END_BYTES = 512;

/** Where a format's first bytes are known, how its end shows that the file is whole. */
const formats: readonly {
  start: readonly [offset: number, bytes: string][];
  isWhole: (end: Buffer, size: number, start: Buffer) => boolean;
}[] = [
  { start: [[0, '\xff\xd8\xff']], isWhole: (end) => end.lastIndexOf('\xff\xd9', undefined, 'latin1') >= 0 },
  { start: [[0, '\x89PNG\r\n\x1a\n']], isWhole: (end) => end.lastIndexOf('IEND', undefined, 'latin1') >= 0 },
  { start: [[0, 'GIF8']], isWhole: (end) => end.at(-1) === 0x3b },
  {
    start: [
      [0, 'RIFF'],
      [8, 'WEBP'],
    ],
    isWhole: (_, size, start) => start.readUInt32LE(4) + 8 <= size,
  },
  { start: [[0, 'BM']], isWhole: (_, size, start) => start.readUInt32LE(2) > 0 && start.readUInt32LE(2) <= size },
];

async function looksWhole(file: FileHandle): Promise<boolean> {
  const { size } = await file.stat();
  const start = Buffer.alloc(16);
  const end = Buffer.alloc(Math.min(size, END_BYTES));
  await file.read(start, 0, start.length, 0);
  await file.read(end, 0, end.length, size - end.length);
  const format = formats.find((f) => f.start.every(([offset, bytes]) => start.toString('latin1', offset, offset + bytes.length) === bytes));
  return format?.isWhole(end, size, start) ?? false;
}

/** What is wrong with a file, without the file's name. */
export const reasonOf = (error: unknown, file: string): string =>
  error instanceof FoveaError && error.complaint.where === file ? error.complaint.got : messageOf(error);

/** Why a file cannot be used, or nothing. */
async function complaintAbout(name: string): Promise<string | undefined> {
  try {
    checkRegular(name, 'a picture');
    const file = await open(name);
    try {
      if (await looksWhole(file)) return undefined;
    } finally {
      await file.close();
    }
    await decodePicture(name);
    return undefined;
  } catch (error) {
    return reasonOf(error, name);
  }
}

/** A file that is no usable picture. */
export interface BrokenFile {
  readonly file: string;
  readonly reason: string;
}

const AT_ONCE = 16;

/**
 * Finds the files that cannot be decoded: unreadable, empty, cut short, or no picture at all.
 *
 * Of the common formats only the first and the last bytes are read; a file that looks odd is decoded, and that decides. What is damaged in
 * the middle shows only when it is decoded in training.
 */
export async function findBroken(files: readonly string[]): Promise<BrokenFile[]> {
  const reasons = new Array<string | undefined>(files.length);
  let next = 0;
  const work = async () => {
    for (let i = next++; i < files.length; i = next++) reasons[i] = await complaintAbout(files[i]);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return files.flatMap((file, i) => (reasons[i] === undefined ? [] : [{ file, reason: reasons[i] }]));
}
