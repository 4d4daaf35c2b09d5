import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findBroken } from './check-pictures.ts';
import { readDigit } from './digit.ts';
import { openPicture } from './picture.ts';

let folder: string;
let pipe: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-streams-'));
  pipe = path.join(folder, 'pipe.jpg');
  if (process.platform !== 'win32') execFileSync('mkfifo', [pipe]);
});
afterAll(() => rm(folder, { recursive: true }));

describe.skipIf(process.platform === 'win32')('what would be read for ever is refused', () => {
  it.each([
    ['a device', () => '/dev/zero'],
    ['a pipe', () => pipe],
  ])('%s', async (name, fileOf) => {
    const file = fileOf();
    const got = `${name} instead of a file`;
    for (const read of [openPicture, readDigit])
      await expect(read(file)).rejects.toThrow(expect.objectContaining({ complaint: expect.objectContaining({ where: file, got }) }));
    expect(await findBroken([file])).toEqual([{ file, reason: got }]);
  });

  it('not so what is missing: its reader says that', async () => {
    await expect(openPicture(path.join(folder, 'none.jpg'))).rejects.toThrow('ENOENT');
  });
});
