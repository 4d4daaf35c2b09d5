import type { NdArray } from '../core/ndarray.ts';
import { type Shape, sizeOf } from '../core/shape.ts';

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
  /** Writes the samples one after the other, row-major, as the network takes them. */
  read(indices: ArrayLike<number>, into: Float32Array): void | Promise<void>;
}

/** What one step is fed. */
export interface Batch {
  readonly x: NdArray<'f32'>;
  readonly target: NdArray<'i32'>;
  readonly indices: Uint32Array;
}

/** Reads the samples `indices` as one batch. */
export async function readBatch(dataset: Dataset, indices: Uint32Array): Promise<Batch> {
  const shape = [indices.length, ...dataset.sampleShape];
  const data = new Float32Array(sizeOf(shape));
  await dataset.read(indices, data);
  const target = Int32Array.from(indices, (i) => dataset.labels[i]);
  return { x: { dtype: 'f32', shape, data }, target: { dtype: 'i32', shape: [indices.length], data: target }, indices };
}
