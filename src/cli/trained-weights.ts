import path from 'node:path';
import { UsageError } from '../core/errors.ts';
import { fetchWeights } from '../data/weights-cache.ts';
import { findModel, listModels } from '../models/index.ts';

/** The file of a model's weights; a model without is no use where trained features are compared. A run has its own. */
export async function weightsFileOf(model: string, weights: string | undefined): Promise<string | undefined> {
  if (!listModels().some(({ name }) => name === model)) return weights;
  const [entry] = findModel(model).weights ?? [];
  if (weights === undefined)
    throw new UsageError({
      where: '--weights',
      expected: `trained weights of ${model}`,
      got: 'none',
      hint: entry ? `--weights imagenet, or a .pth or .safetensors file` : 'Name a .pth or .safetensors file',
    });
  if (weights !== 'imagenet') return weights;
  if (!entry) throw new UsageError({ where: '--weights', expected: `a file: ${model} has no weights of ImageNet`, got: `'imagenet'` });
  return fetchWeights({ ...entry, fileName: path.basename(new URL(entry.url).pathname) });
}
