import { Rng } from '../core/rng.ts';
import type { Dataset } from './dataset.ts';

/** `n` samples of a data set, drawn without replacement, in its order; all of them if it has no more. */
export function randomSamples(dataset: Dataset, n: number, seed = 0): Dataset {
  if (n >= dataset.length) return dataset;
  const places = new Rng(seed, 'samples', dataset.name).permutation(dataset.length).slice(0, n).sort();
  const { pictures } = dataset;
  return {
    ...dataset,
    name: `${dataset.name} (${n} at random)`,
    length: n,
    labels: Int32Array.from(places, (place) => dataset.labels[place]),
    ...(pictures && { pictures: { ...pictures, files: Array.from(places, (place) => pictures.files[place]) } }),
    read: (indices, into, epoch) =>
      dataset.read(
        Array.from(indices, (index) => places[index]),
        into,
        epoch,
      ),
  };
}
