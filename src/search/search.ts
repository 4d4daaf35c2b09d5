import { stat } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from '../core/errors.ts';
import { readBatch } from '../data/dataset.ts';
import { pictureDataset } from '../data/picture-dataset.ts';
import { type WithEngine, withEngine } from '../train/evaluate.ts';
import { FeatureExtractor } from './features.ts';
import { nearestRows } from './nearest-rows.ts';
import { type IndexReport, type SearchNetwork, searchTransforms, updateIndex } from './picture-index.ts';
import type { IndexOptions } from './read-features.ts';

export interface Match {
  /** Path below the folder, with `/`. */
  name: string;
  /** Cosine, −1 … 1. */
  similarity: number;
}

/**
 * The pictures of a folder that look most like one picture to a network, the most similar first.
 *
 *     similarity = cosine of the features before the last layer with weights
 *
 * The folder's features are kept in `.fovea-index.safetensors` there, or in the cache if the folder may not be written, and are brought up
 * to date: files that are new or whose size or time changed are read, those that are gone are dropped. The query itself is left out.
 *
 * - `picture`: a file; `folder`: searched with all its subfolders.
 * - `network`: module, weights and input shape `[3, S, S]`; pictures are prepared as for validation.
 * - `topK`: from 1, default 12. `engine`, `threads`, `workers`, `onProgress`: see `WithEngine` and `IndexOptions`.
 *
 * **Throws** `DataError` if the query or the folder cannot be read or the folder has no pictures; `UsageError` for another kind of input
 * shape; `NumericError` if a feature is not finite; `CheckpointError` if the index cannot be written.
 *
 * @example const { matches } = await searchPictures('rose.jpg', 'flowers', { module, state, inputShape: [3, 224, 224] });
 */
export async function searchPictures(
  picture: string,
  folder: string,
  network: SearchNetwork,
  { topK = 12, ...options }: { topK?: number } & IndexOptions & WithEngine = {},
): Promise<{ matches: Match[]; report: IndexReport }> {
  if (!Number.isInteger(topK) || topK < 1) throw new UsageError({ where: '--topk', expected: 'an integer from 1', got: `${topK}` });
  const split = { files: [picture], labels: new Int32Array(1) };
  const dataset = pictureDataset({ name: picture, split, classes: ['picture'], transforms: searchTransforms(network.inputShape) });
  const { x } = await readBatch(dataset, new Uint32Array(1));
  return withEngine(options, async (engine) => {
    const extractor = await FeatureExtractor.open({ ...network, engine });
    try {
      const { index, report } = await updateIndex(folder, network, extractor, options);
      const query = await extractor.run(x);
      const own = await stat(picture, { bigint: true });
      const matches: Match[] = [];
      for (const { row, similarity } of nearestRows(query, index.vectors, topK + 1)) {
        const { name } = index.entries[row];
        const status = await stat(path.join(folder, name), { bigint: true }).catch(() => undefined);
        if (status?.ino !== own.ino || status.dev !== own.dev) matches.push({ name, similarity });
      }
      return { matches: matches.slice(0, topK), report };
    } finally {
      await extractor.close();
    }
  });
}
