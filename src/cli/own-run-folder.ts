import { rmdirSync } from 'node:fs';
import path from 'node:path';
import { writeAtomic } from '../data/write-atomic.ts';
import { createRunFolder } from '../report/run-folder.ts';

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
  const runFolder = await createRunFolder(name, { root });
  const removeEmpty = () => {
    try {
      rmdirSync(runFolder);
    } catch {
      // It holds files.
    }
  };
  const end = () => {
    removeEmpty();
    process.exit(130);
  };
  process.once('SIGINT', end);
  try {
    return await work(runFolder);
  } catch (error) {
    removeEmpty();
    throw error;
  } finally {
    process.off('SIGINT', end);
  }
}
