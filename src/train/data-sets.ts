import { UsageError } from '../core/errors.ts';
import type { Dataset } from '../data/dataset.ts';
import { loadMnist } from '../data/mnist.ts';
import { didYouMean } from './nearest.ts';

export interface Splits {
  train: Dataset;
  test: Dataset;
}

/** Data sets known by name: what `fovea train <name>` accepts. */
const loaders: Readonly<Record<string, (dir?: string) => Promise<Splits>>> = {
  mnist: (dir) => loadMnist({ dir }),
};
export const dataSetNames = Object.keys(loaders);

/** The first `n` samples of a data set; all of them if it has no more. */
export function firstSamples(dataset: Dataset, n: number): Dataset {
  if (n >= dataset.length) return dataset;
  const { name, classes, sampleShape } = dataset;
  return {
    name: `${name} (first ${n})`,
    length: n,
    classes,
    sampleShape,
    labels: dataset.labels.slice(0, n),
    read: (indices, into) => dataset.read(indices, into),
  };
}

/**
 * The training and test samples a recipe names.
 *
 * **Throws** `UsageError` with the nearest name if there is no such data set; what its loader throws if files are broken.
 */
export async function loadDataSet({ data, dataDir, limit }: { data: string; dataDir?: string; limit?: number }): Promise<Splits> {
  if (!Object.hasOwn(loaders, data))
    throw new UsageError({
      where: 'data set',
      expected: `one of ${dataSetNames.join(', ')}`,
      got: `'${data}'`,
      hint: didYouMean(data, dataSetNames),
    });
  const { train, test } = await loaders[data](dataDir);
  return limit === undefined ? { train, test } : { train: firstSamples(train, limit), test: firstSamples(test, limit) };
}
