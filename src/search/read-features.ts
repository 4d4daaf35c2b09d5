import path from 'node:path';
import { DataError } from '../core/errors.ts';
import { findBroken, reasonOf } from '../data/check-pictures.ts';
import { openLoader } from '../data/loader/index.ts';
import { decodePicture } from '../data/picture.ts';
import { pictureDataset } from '../data/picture-dataset.ts';
import type { TransformList } from '../data/transforms/index.ts';
import type { FeatureExtractor } from './features.ts';

const batchSize = 16;

export interface IndexOptions {
  /** Threads that decode pictures; default as for `openLoader`. */
  workers?: number;
  /** Called while pictures are read. */
  onProgress?: (done: number, total: number) => void;
}

/** Vectors of the files that are pictures, and why the others are none, by name. */
export interface Fresh {
  vectors: Map<string, Float32Array>;
  broken: Map<string, string>;
}

/** Reads pictures of a folder, ahead in worker threads, and computes their features. */
export async function readFeatures(
  folder: string,
  names: readonly string[],
  extractor: FeatureExtractor,
  transforms: TransformList,
  { workers, onProgress }: IndexOptions,
): Promise<Fresh> {
  const fresh: Fresh = { vectors: new Map(), broken: new Map() };
  const nameOf = new Map(names.map((name) => [path.join(folder, name), name]));
  for (const { file, reason } of await findBroken([...nameOf.keys()])) fresh.broken.set(nameOf.get(file)!, reason);
  const whole = names.filter((name) => !fresh.broken.has(name));
  if (whole.length === 0) return fresh;
  const files = whole.map((name) => path.join(folder, name));
  const split = { files, labels: new Int32Array(files.length) };
  const dataset = pictureDataset({ name: folder, split, classes: ['picture'], transforms });
  const order = Array.from({ length: Math.ceil(files.length / batchSize) }, (_, batch) =>
    Uint32Array.from({ length: Math.min(batchSize, files.length - batch * batchSize) }, (_, i) => batch * batchSize + i),
  );
  const loader = openLoader({ workers, cacheBytes: 0 });
  try {
    let done = 0;
    for await (const { x, replaced = [] } of loader.batches(dataset, { order, epoch: 0 })) {
      const features = await extractor.run(x);
      for (let place = 0; place < x.shape[0]; place++, done++)
        if (!replaced.includes(place)) fresh.vectors.set(whole[done], features.slice(place * extractor.size, (place + 1) * extractor.size));
      onProgress?.(done, whole.length);
    }
  } catch (error) {
    // A loader needs one picture that can be read to stand for the others.
    if (!(error instanceof DataError) || fresh.vectors.size > 0) throw error;
    for (const [i, file] of files.entries()) {
      const reason = await decodePicture(file).then(
        () => undefined,
        (broken: unknown) => reasonOf(broken, file),
      );
      if (reason === undefined) throw error;
      fresh.broken.set(whole[i], reason);
    }
  } finally {
    await loader.close();
  }
  for (const { file, reason } of loader.broken) fresh.broken.set(nameOf.get(file)!, reason);
  return fresh;
}
