import { sizeOf } from '../core/shape.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Rows } from './rows.ts';

const samplesAtOnce = 100;

/**
 * The pixels of all samples as levels from 0 to 255, in bytes: a quarter of the room of reals, and exact where the samples are pictures' bytes.
 *
 *     level = round(255 · x)
 *
 * **Shapes**: samples `[C,H,W]` of numbers 0 to 1; rows `[n, C·H·W]`.
 *
 * @example const rows = await readLevels(cifar.train);
 */
export async function readLevels(dataset: Dataset, onProgress?: (done: number, total: number) => void): Promise<Rows> {
  const { length } = dataset;
  const width = sizeOf(dataset.sampleShape);
  const data = new Uint8Array(length * width);
  const values = new Float32Array(samplesAtOnce * width);
  for (let begin = 0; begin < length; begin += samplesAtOnce) {
    const count = Math.min(samplesAtOnce, length - begin);
    await dataset.read(
      Uint32Array.from({ length: count }, (_, i) => begin + i),
      values,
    );
    for (let i = 0; i < count * width; i++) data[begin * width + i] = Math.round(255 * values[i]);
    onProgress?.(begin + count, length);
  }
  return { data, width };
}
