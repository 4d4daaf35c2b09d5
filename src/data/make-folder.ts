import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { pathKind } from './path-kind.ts';

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/**
 * Makes a folder and the folders above it, where they are missing.
 *
 * Node's own recursive `mkdir` never ends where the system denies that a folder exists which it lists (such as below `/proc`).
 *
 * **Throws** the system's error.
 *
 * @example await makeFolder('runs/flowers/weights');
 */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    if ((await pathKind(folder)) === 'folder') return;
    const above = path.dirname(path.resolve(folder));
    if (codeOf(error) !== 'ENOENT' || above === path.resolve(folder) || (await pathKind(above))) throw error;
    await makeFolder(above);
    await makeFolder(folder);
  }
}
