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

/** Reads the samples `indices` as one batch. */
export async function readBatch(dataset: Dataset, indices: Uint32Array, epoch = 0): Promise<Batch> {
  const shape = [indices.length, ...dataset.sampleShape];
  const data = new Float32Array(sizeOf(shape));
  await dataset.read(indices, data, epoch);
  return batchOf(dataset, indices, data);
}

/** A batch of samples that have been read. */
export function batchOf({ labels, sampleShape }: Dataset, indices: Uint32Array, data: Float32Array): Batch {
  const target = Int32Array.from(indices, (i) => labels[i]);
  return {
    x: { dtype: 'f32', shape: [indices.length, ...sampleShape], data: data as ArrayOf<'f32'> },
    target: { dtype: 'i32', shape: [indices.length], data: target },
    indices,
  };
}
