import { rmdirSync } from 'node:fs';
import { createRunFolder } from '../report/run-folder.ts';
import { onEnding } from './interrupt.ts';

/** A name as run folders may have it: what they may not hold is replaced. */
export const asRunName = (name: string): string => name.replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^\.+/, '') || 'run';

function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // It holds files.
  }
}

/** Makes a run folder for some work that stops by itself when a signal comes. A run that wrote nothing leaves nothing. */
export async function inOwnFolder<T>(name: string, root: string, work: (runFolder: string) => Promise<T>): Promise<T> {
  const runFolder = await createRunFolder(name, { root });
  const remove = () => removeEmpty(runFolder);
  process.once('exit', remove);
  try {
    return await work(runFolder);
  } finally {
    process.off('exit', remove);
    remove();
  }
}

/** Makes a run folder for some work that a signal ends at once. A run that wrote nothing leaves nothing. */
export const inRunFolder = <T>(name: string, root: string, work: (runFolder: string) => Promise<T>): Promise<T> =>
  inOwnFolder(name, root, async (runFolder) => {
    const release = onEnding(({ name: signal }) => {
      release();
      removeEmpty(runFolder);
      // By the signal itself: an exit waits for threads, and one that loads a library just then brings the process down.
      process.kill(process.pid, signal);
    });
    return work(runFolder).finally(release);
  });
