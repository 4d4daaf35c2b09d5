import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DataError } from '../../core/errors.ts';
import type { PictureFiles } from '../dataset.ts';
import { ThreadedCrew } from './crew.ts';
import { SLOT_HEADER_BYTES } from './fill.ts';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'fovea-crew-'));
});
afterAll(() => rm(dir, { recursive: true }));

const source: PictureFiles = { files: ['a'], transforms: [], seed: 0, sampleShape: [1] };
const job = () => ({ indices: Uint32Array.of(0), epoch: 0, slot: new SharedArrayBuffer(SLOT_HEADER_BYTES + 4) });

describe('a crew whose worker', () => {
  it.each([
    [
      'throws',
      "import('node:worker_threads').then(({ parentPort }) => parentPort.on('message', () => { throw new Error('out of luck'); }))",
      /out of luck/,
    ],
    [
      'exits',
      "import('node:worker_threads').then(({ parentPort }) => parentPort.on('message', () => process.exit(7)))",
      /ended with code 7/,
    ],
    ['cannot be loaded', 'const = 1', /Unexpected token|SyntaxError/],
    ['is missing', undefined, /[Cc]annot find module/],
  ])('%s fails with that reason and can be closed', async (what, script, message) => {
    const file = path.join(dir, `${what}.mjs`);
    if (script) await writeFile(file, script);
    const crew = new ThreadedCrew(2, pathToFileURL(file));
    const attempt = crew.fill(source, job());
    await expect(attempt).rejects.toThrow(message);
    await expect(attempt).rejects.toBeInstanceOf(DataError);
    await expect(crew.fill(source, job())).rejects.toThrow(message);
    await crew.close();
  });
});
