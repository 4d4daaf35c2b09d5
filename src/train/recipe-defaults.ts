import { listModels } from '../models/index.ts';
import { isNamedDataSet } from './data-set-names.ts';

/** What a folder of pictures is trained with unless told otherwise. */
const folderDefaults = { model: 'squeezenet1_0', epochs: 10, batchSize: 16, evalEvery: 0, restoreBest: true, stepSizeEpochs: 7 };
/** … and what else if the network begins with trained weights: its layers need small changes, the new head large ones. */
const transferDefaults = { backboneLr: 1e-4, schedule: 'cosine' };

const hasWeights = (model: unknown): boolean => Boolean(listModels().find(({ name }) => name === model)?.weights?.length);

/**
 * Fields of a recipe with the defaults of a folder of pictures below them, if its data are one.
 *
 * Networks whose ImageNet weights can be had begin with those; `weights: 'none'` begins afresh.
 */
export function withFolderDefaults(given: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { data } = given;
  if (typeof data !== 'string' || isNamedDataSet(data)) return given;
  const filled = { ...folderDefaults, ...given };
  const weights = given.weights ?? (hasWeights(filled.model) ? 'imagenet' : 'none');
  if (weights === 'none') return { ...filled, weights };
  // One rate for all that was given means one rate for all.
  const { schedule, backboneLr } = transferDefaults;
  const rates = given.lr === undefined && given.freeze === undefined ? { backboneLr } : {};
  return { schedule, ...rates, ...filled, weights };
}
