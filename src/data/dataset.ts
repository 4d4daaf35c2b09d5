import { DataError } from '../core/errors.ts';
import type { ArrayOf, NdArray } from '../core/ndarray.ts';
import { type Shape, sizeOf } from '../core/shape.ts';
import type { TransformList } from './transforms/index.ts';

/** Pictures in files and how samples are made of them: plain data, so that worker threads can read them too. */
export interface PictureFiles {
  readonly files: readonly string[];
  readonly transforms: TransformList;
  /** Together with epoch and index it decides what the random transforms draw. */
  readonly seed: number;
  readonly sampleShape: Shape;
}

/** Labelled samples that can be read in any order. */
export interface Dataset {
  readonly name: string;
  readonly length: number;
  /** Class names by index. */
  readonly classes: readonly string[];
  /** Shape of one sample, `[C, H, W]`. */
  readonly sampleShape: Shape;
  /** Class index of every sample. */
  readonly labels: Int32Array;
  /** Where the samples come from, if they are pictures in files. */
  readonly pictures?: PictureFiles;
  /** Writes the samples one after the other, row-major, as the network takes them. Samples that are not augmented are the same in every epoch. */
  read(indices: ArrayLike<number>, into: Float32Array, epoch?: number): void | Promise<void>;
}

/** What one step is fed. */
export interface Batch {
  readonly x: NdArray<'f32'>;
  readonly target: NdArray<'i32'>;
  /** The sample at every place. */
  readonly indices: Uint32Array;
  /** Places whose own file is broken: another sample stands there, and is counted twice unless they are left out. */
  readonly replaced?: readonly number[];
}

/** Labels and what they belong to. A data set is such a thing. */
export interface Labelled {
  /** What messages call it. */
  readonly name: string;
  /** Samples, of which each has a label. */
  readonly length: number;
  /** How many classes there are, or their names. */
  readonly classes: number | readonly unknown[];
  readonly labels: ArrayLike<number>;
}

/**
 * Makes sure that every sample has a label and every label is a class: what is missing would count as 0.
 *
 * **Throws** `DataError` if the counts differ, or naming the first row whose label is no class.
 *
 * @example checkLabels(trainSet)
 */
export function checkLabels({ name, length, classes, labels }: Labelled): void {
  if (labels.length !== length)
    throw new DataError({ where: name, expected: `${length} labels, one for each sample`, got: `${labels.length}` });
  const count = typeof classes === 'number' ? classes : classes.length;
  for (let row = 0; row < length; row++) {
    const label = labels[row];
    if (!(Number.isInteger(label) && label >= 0 && label < count))
      throw new DataError({
        where: `${name}, row ${row}`,
        expected: count > 0 ? `a label from 0 to ${count - 1}` : 'classes for the labels to name',
        got: count > 0 ? `${label}` : 'none',
      });
  }
}

/** Data sets whose labels are in order: they are looked at once, not at every batch. */
const checkedSets = new WeakSet<Dataset>();

/**
 * Reads the samples `indices` as one batch.
 *
 * **Throws** `DataError` if the labels are not one class for each sample; what the data set throws, such as for an index past its end.
 */
export async function readBatch(dataset: Dataset, indices: Uint32Array, epoch = 0): Promise<Batch> {
  const shape = [indices.length, ...dataset.sampleShape];
  const data = new Float32Array(sizeOf(shape));
  await dataset.read(indices, data, epoch);
  return batchOf(dataset, indices, data);
}

/** A batch of samples that have been read. */
export function batchOf(dataset: Dataset, indices: Uint32Array, data: Float32Array): Batch {
  if (!checkedSets.has(dataset)) {
    checkLabels(dataset);
    checkedSets.add(dataset);
  }
  const { labels, sampleShape } = dataset;
  const target = Int32Array.from(indices, (i) => labels[i]);
  return {
    x: { dtype: 'f32', shape: [indices.length, ...sampleShape], data: data as ArrayOf<'f32'> },
    target: { dtype: 'i32', shape: [indices.length], data: target },
    indices,
  };
}
