import { checkLabels, type Dataset } from './dataset.ts';
import { pictureDataset } from './picture-dataset.ts';

/**
 * The samples that stand at some places of a data set, in that order. What is drawn at random for a picture goes by its new place.
 *
 * **Throws** `DataError` if the data set's labels are not one class for each sample.
 */
export function subsetOf(dataset: Dataset, places: Uint32Array, name: string): Dataset {
  checkLabels(dataset);
  const { classes, pictures } = dataset;
  const labels = Int32Array.from(places, (place) => dataset.labels[place]);
  if (pictures) {
    const files = Array.from(places, (place) => pictures.files[place]);
    return pictureDataset({ name, split: { files, labels }, classes, transforms: pictures.transforms, seed: pictures.seed });
  }
  const read: Dataset['read'] = (indices, into, epoch) =>
    dataset.read(
      Uint32Array.from(indices, (index) => places[index]),
      into,
      epoch,
    );
  return { ...dataset, name, length: places.length, labels, read };
}
