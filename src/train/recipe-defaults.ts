import { defined } from '../core/defined.ts';
import { listModels } from '../models/index.ts';
import { isNamedDataSet } from './data-set-names.ts';

/** What a folder of pictures is trained with unless told otherwise. */
const folderDefaults = { model: 'squeezenet1_0', epochs: 10, batchSize: 16, evalEvery: 0, restoreBest: true, stepSizeEpochs: 7 };
/** … and what else if the network begins with trained weights: the new head alone trains. */
const transferDefaults = { freeze: 'backbone', schedule: 'cosine' };
/** A head bears larger steps than a whole network. */
const headDefaults = { epochs: 15, lr: 3e-3 };
/** Trained layers that go on training move this much more slowly than the head. */
const backboneFactor = 0.1;

const hasWeights = (model: unknown): boolean => Boolean(listModels().find(({ name }) => name === model)?.weights?.length);

/**
 * Fields of a recipe with the defaults of a folder of pictures below them, if its data are one.
 *
 * Networks whose ImageNet weights can be had begin with those; `weights: 'none'` begins afresh.
 */
export function withFolderDefaults(input: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const given = defined(input);
  const { data } = given;
  if (typeof data !== 'string' || isNamedDataSet(data)) return given;
  const filled = { ...folderDefaults, ...given };
  const weights = given.weights ?? (hasWeights(filled.model) ? 'imagenet' : 'none');
  if (weights === 'none') return { ...filled, weights };
  const { freeze = transferDefaults.freeze, unfreezeEpoch, lr = 1e-3 } = given;
  const isHeadOnly = freeze === 'backbone' && unfreezeEpoch === undefined;
  const transfer = { ...folderDefaults, ...transferDefaults, ...(isHeadOnly && headDefaults), ...given, weights };
  const isSlow = typeof lr === 'number' && !isHeadOnly;
  return isSlow ? { backboneLr: lr * backboneFactor, ...transfer } : transfer;
}
