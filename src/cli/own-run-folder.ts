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

/** Makes a run folder for some work. A run that wrote nothing leaves nothing, whether it fails or is ended by a signal. */
export async function inRunFolder<T>(name: string, root: string, work: (runFolder: string) => Promise<T>): Promise<T> {
  let runFolder: string | undefined;
  const removeEmpty = () => {
    try {
      if (runFolder) rmdirSync(runFolder);
    } catch {
      // It holds files.
    }
  };
  process.once('exit', removeEmpty);
  const release = onEnding((status) => process.exit(status));
  try {
    runFolder = await createRunFolder(name, { root });
    return await work(runFolder);
  } finally {
    release();
    process.off('exit', removeEmpty);
    removeEmpty();
  }
}
