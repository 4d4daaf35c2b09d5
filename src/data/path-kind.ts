import { stat } from 'node:fs/promises';

/** What a path leads to, through symbolic links; undefined if nothing is there. */
export const pathKind = (path: string): Promise<'folder' | 'file' | undefined> =>
  stat(path).then(
    (found) => (found.isDirectory() ? 'folder' : 'file'),
    () => undefined,
  );
