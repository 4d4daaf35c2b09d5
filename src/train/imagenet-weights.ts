import path from 'node:path';
import { UsageError } from '../core/errors.ts';
import type { DownloadOptions } from '../data/download.ts';
import { fetchWeights } from '../data/weights-cache.ts';
import type { ModelSpec } from '../models/index.ts';

/**
 * The file of a model's ImageNet weights, downloaded unless it is in the cache.
 *
 * - `options` how far it is and what may stop it, as `fetchWeights` takes them
 *
 * **Throws** `UsageError` for a model that has none; what `fetchWeights` throws.
 */
export async function fetchImagenetWeights(
  { name, weights: [entry] = [] }: ModelSpec,
  options?: DownloadOptions & { cacheDir?: string },
): Promise<string> {
  if (!entry)
    throw new UsageError({
      where: 'weights',
      expected: `a file: there are no ImageNet weights for ${name}`,
      got: 'imagenet',
      hint: 'Give a .pth or .safetensors file; training also takes none, to begin afresh',
    });
  return fetchWeights({ ...entry, fileName: path.basename(new URL(entry.url).pathname) }, options);
}
