import { open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { threadId } from 'node:worker_threads';
import { CheckpointError, messageOf } from '../core/errors.ts';
import { isAlive } from './is-alive.ts';

/** What to do about the errors a disk gives. */
const advice: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full: free some space, then run again; an older file of that name is untouched.',
  EDQUOT: 'Your quota is used up: free some space, then run again; an older file of that name is untouched.',
  EFBIG: 'The file is larger than allowed here: raise the limit (ulimit -f) or write elsewhere.',
  EACCES: 'You may not write here: change the permissions of the folder or choose another one.',
  EPERM: 'You may not write here: change the permissions of the folder or choose another one.',
  EROFS: 'The disk is read-only: choose another folder.',
  ENOENT: 'The folder is gone: make it again or choose another one.',
  EISDIR: 'A folder of that name is in the way: move it or choose another name.',
  EEXIST: 'A file of that name is in the way: move it or choose another name.',
  ENOTDIR: 'A part of the path is a file: choose another folder.',
  ENAMETOOLONG: 'Choose a shorter name.',
  EMFILE: 'Too many files are open: raise the limit (ulimit -n).',
};

/** An operating system's error as one that tells the reader which file and what to do. */
export function asWriteError(file: string, error: unknown): CheckpointError {
  const code = (error as NodeJS.ErrnoException)?.code ?? '';
  return new CheckpointError(
    { where: file, expected: 'to write the file', got: messageOf(error), hint: advice[code] ?? 'Choose another folder.' },
    { cause: error },
  );
}

let scratchCount = 0;
/** Scratch files that this thread is writing. */
const active = new Set<string>();

/** Removes the scratch files in a folder that were left half written: those of processes that died, and of this thread's own number. */
export async function removeLeftScratch(folder: string): Promise<void> {
  const isLeft = (name: string): boolean => {
    const [, pid, thread] = (/^\.scratch-(\d+)-(\d+)-\d+$/.exec(name) ?? []).map(Number);
    if (pid !== process.pid) return pid !== undefined && !isAlive(pid);
    return thread === threadId && !active.has(path.join(folder, name));
  };
  const left = (await readdir(folder)).filter(isLeft);
  await Promise.all(left.map((name) => rm(path.join(folder, name), { force: true })));
}

/** Makes a rename last through a power cut. Windows cannot open a folder for that. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Writes a file so that at any moment, through a kill or a power cut, either the old or the new content is there whole.
 *
 * The bytes go to a scratch file in the same folder, are synced to the disk, and the file is renamed over the old one.
 *
 * - `file`: where; its folder exists.
 * - `content`: bytes, or text written as UTF-8.
 *
 * **Throws** `CheckpointError` naming the file, the cause (full disk, permissions) and what to do; the scratch file is removed.
 *
 * @example await writeAtomic('runs/mnist/weights/last.safetensors', bytes)
 */
export async function writeAtomic(file: string, content: Uint8Array | string): Promise<void> {
  const folder = path.dirname(file);
  // Short and without the file's name: a long name must not fail only while it is written.
  const scratch = path.join(folder, `.scratch-${process.pid}-${threadId}-${scratchCount++}`);
  active.add(scratch);
  try {
    const handle = await open(scratch, 'w');
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(scratch, file);
    await syncFolder(folder);
  } catch (error) {
    await rm(scratch, { force: true }).catch(() => {});
    throw asWriteError(file, error);
  } finally {
    active.delete(scratch);
  }
}
