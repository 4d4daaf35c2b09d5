import { checkOptions, integer } from '../core/option-ranges.ts';
import { Rng } from '../core/rng.ts';
import type { Dataset } from './dataset.ts';
import { subsetOf } from './subset.ts';

/**
 * `n` samples of a data set, drawn without replacement, in its order; all of them if it has no more.
 *
 * - `n` from 1; `seed` any integer, default 0
 *
 * **Throws** `UsageError` if `n` is not an integer from 1; `DataError` if the data set's labels are not one class for each sample.
 *
 * @example const some = randomSamples(cifar.test, 1000);
 */
export function randomSamples(dataset: Dataset, n: number, seed = 0): Dataset {
  checkOptions({ n }, { n: integer(1) });
  if (n >= dataset.length) return dataset;
  const places = new Rng(seed, 'samples', dataset.name).permutation(dataset.length).slice(0, n).sort();
  return subsetOf(dataset, places, `${dataset.name} (${n} at random)`);
}
