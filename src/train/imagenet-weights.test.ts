import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Dataset } from '../data/dataset.ts';
import type { DownloadProgress } from '../data/download.ts';
import { findRate } from './lr-find.ts';
import { completeRecipe } from './recipe.ts';
import { Trainer } from './trainer.ts';

let cache: string;
beforeEach(async () => {
  cache = await mkdtemp(path.join(tmpdir(), 'fovea-cache-'));
  vi.stubEnv('FOVEA_CACHE', cache);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
  await rm(cache, { recursive: true });
});

/** A server that sends 1000 of 4000 bytes and then nothing, until the request is given up. */
const stalling = async (_: string, { signal }: { signal: AbortSignal }) =>
  new Response(
    new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(1000));
        signal.addEventListener('abort', () => controller.error(signal.reason));
      },
    }),
    { headers: { 'content-length': '4000' } },
  );

const trainSet = {
  name: 'none',
  length: 4,
  classes: ['a', 'b'],
  sampleShape: [3, 224, 224],
  labels: new Int32Array(4),
} as unknown as Dataset;
const recipe = completeRecipe({ data: 'pictures', model: 'squeezenet1_1' });

it.each([
  ['Trainer.open', (events: object) => Trainer.open({ trainSet, testSet: trainSet, recipe, ...events })],
  ['findRate', (events: object) => findRate({ trainSet, recipe, ...events })],
])('%s tells how far the download of weights is, and a signal ends it', async (_, begin) => {
  vi.stubGlobal('fetch', stalling);
  const controller = new AbortController();
  const seen: DownloadProgress[] = [];
  const onDownload = (progress: DownloadProgress) => {
    seen.push(progress);
    if (progress.receivedBytes === 1000) controller.abort(new Error('enough'));
  };
  await expect(begin({ onDownload, signal: controller.signal })).rejects.toThrow('enough');
  expect(seen.at(-1)).toEqual({ receivedBytes: 1000, totalBytes: 4000 });
});
