import { rmdirSync } from 'node:fs';
import path from 'node:path';
import { writeAtomic } from '../data/write-atomic.ts';
import { createRunFolder } from '../report/run-folder.ts';
import { onEnding } from './interrupt.ts';

/** A file of the run folder and what it shows. */
export interface ReportFile {
  readonly name: string;
  readonly shows: string;
}

/** Writes a run's files one after the other and remembers them. */
export class ReportWriter {
  readonly files: ReportFile[] = [];
  readonly #runFolder: string;

  constructor(runFolder: string) {
    this.#runFolder = runFolder;
  }

  async write(name: string, content: Uint8Array | string, shows: string): Promise<void> {
    await writeAtomic(path.join(this.#runFolder, name), content);
    this.files.push({ name, shows });
  }
}

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
