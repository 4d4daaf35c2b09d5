import { DataError, UsageError } from '../core/errors.ts';
import { sizeOf } from '../core/shape.ts';
import { checkLabels, type Dataset, type PictureFiles } from './dataset.ts';
import type { PictureSplit } from './image-folder.ts';
import { SampleReader } from './loader/sample.ts';
import { sampleShapeOf, type TransformList } from './transforms/index.ts';

export interface PictureDatasetOptions {
  /** What messages call it. */
  name: string;
  split: PictureSplit;
  /** Class names by index. */
  classes: readonly string[];
  transforms: TransformList;
  /** Decides, together with epoch and index, what random transforms draw; default 0. */
  seed?: number;
}

/** A data set of pictures in files: `pictures` is always there. */
export interface PictureDataset extends Dataset {
  readonly pictures: PictureFiles;
}

/**
 * Samples made of picture files. `read` makes them one after the other in this thread; a `Loader` makes them ahead in several.
 *
 * - `split` files and labels, as `openImageFolder` gives them; `transforms` how samples are made, for example of `presetTransforms`
 *
 * **Throws** `UsageError` if the transforms do not fit together or make samples whose size depends on the picture; `DataError` if the labels
 * are not one class for each file.
 *
 * @example
 * const { splits, classes } = await openImageFolder('flowers');
 * const trainSet = pictureDataset({ name: 'flowers train', split: splits.train, classes, transforms: presetTransforms('course').train });
 */
export function pictureDataset({ name, split, classes, transforms, seed = 0 }: PictureDatasetOptions): PictureDataset {
  const { files, labels } = split;
  checkLabels({ name, length: files.length, classes, labels });
  const sampleShape = sampleShapeOf(transforms, name);
  if (!sampleShape)
    throw new UsageError({
      where: name,
      expected: 'transforms that make all pictures the same size',
      got: transforms.map((transform) => transform.name).join(', '),
      hint: 'Add a CenterCrop or a RandomResizedCrop',
    });
  const pictures = { files, transforms, seed, sampleShape };
  const reader = new SampleReader(pictures);
  const size = sizeOf(sampleShape);
  return {
    name,
    length: files.length,
    classes,
    sampleShape,
    labels,
    pictures,
    async read(indices, into, epoch = 0) {
      for (let n = 0; n < indices.length; n++) {
        const index = indices[n];
        if (!(index >= 0 && index < files.length))
          throw new DataError({ where: name, expected: `an index from 0 to ${files.length - 1}`, got: `${index}` });
        await reader.read(index, epoch, into, n * size);
      }
    },
  };
}
