import { Rng } from '../core/rng.ts';
import type { Dataset } from './dataset.ts';
import { subsetOf } from './subset.ts';

/** `n` samples of a data set, drawn without replacement, in its order; all of them if it has no more. */
export function randomSamples(dataset: Dataset, n: number, seed = 0): Dataset {
  if (n >= dataset.length) return dataset;
  const places = new Rng(seed, 'samples', dataset.name).permutation(dataset.length).slice(0, n).sort();
  return subsetOf(dataset, places, `${dataset.name} (${n} at random)`);
}
