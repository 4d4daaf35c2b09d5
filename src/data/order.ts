import { UsageError } from '../core/errors.ts';
import { Rng } from '../core/rng.ts';

/**
 * The order in which an epoch visits `n` samples.
 *
 * - `seed`: any integer. `epoch`: from 0. The two alone decide the order, so a run that resumes goes on as it would have.
 * - `shuffle`: default true; false gives 0 … n − 1.
 *
 * @example epochOrder(60000, { seed: 0, epoch: 2 })
 */
export function epochOrder(n: number, { seed, epoch, shuffle = true }: { seed: number; epoch: number; shuffle?: boolean }): Uint32Array {
  return shuffle ? new Rng(seed, 'shuffle', epoch).permutation(n) : Uint32Array.from({ length: n }, (_, i) => i);
}

/**
 * Cuts an order into batches; the last one may be smaller.
 *
 * **Throws** `UsageError` if the batch size is not a positive integer.
 *
 * @example batchIndices(epochOrder(1000, { seed: 0, epoch: 0 }), 64).length // 16
 */
export function batchIndices(order: Uint32Array, batchSize: number): Uint32Array[] {
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new UsageError({ where: 'batch size', expected: 'a positive integer', got: String(batchSize) });
  return Array.from({ length: Math.ceil(order.length / batchSize) }, (_, i) => order.slice(i * batchSize, (i + 1) * batchSize));
}
