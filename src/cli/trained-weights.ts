import { UsageError } from '../core/errors.ts';
import { findModel, listModels } from '../models/index.ts';
import { fetchImagenetWeights } from '../train/imagenet-weights.ts';

/** The file of a model's weights; a model without is no use where trained features are compared. A run has its own. */
export async function weightsFileOf(model: string, weights: string | undefined): Promise<string | undefined> {
  if (!listModels().some(({ name }) => name === model)) return weights;
  const spec = findModel(model);
  if (weights === undefined)
    throw new UsageError({
      where: '--weights',
      expected: `trained weights of ${model}`,
      got: 'none',
      hint: spec.weights?.length ? `--weights imagenet, or a .pth or .safetensors file` : 'Name a .pth or .safetensors file',
    });
  return weights === 'imagenet' ? fetchImagenetWeights(spec) : weights;
}
