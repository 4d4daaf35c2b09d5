import { type Shape, sizeOf } from '../../src/core/index.ts';

/**
 * The numbers both sides compute with, so that no weights are stored. Element i of the array number `seed` is
 *
 *     h = mix(seed · 0x9e3779b9 + i)              all in 32-bit unsigned integers
 *     value = scale · (2·h / 2³² − 1)             in double precision, then rounded to single
 *     mix(h): h ^= h >> 16; h *= 0x7feb352d; h ^= h >> 15; h *= 0x846ca68b; h ^= h >> 16
 *
 * `make_golden.py` has the same formula.
 */
export function numbers(seed: number, shape: Shape, scale = 1): Float32Array<ArrayBuffer> {
  const start = Math.imul(seed, 0x9e3779b9);
  const values = new Float32Array(sizeOf(shape));
  // A plain loop: a large network has a hundred million of them.
  for (let i = 0; i < values.length; i++) values[i] = scale * ((2 * mix(start + i)) / 2 ** 32 - 1);
  return values;
}

function mix(x: number): number {
  let h = x >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Class of row i. */
export const labels = (rows: number, classes: number): Int32Array<ArrayBuffer> =>
  Int32Array.from({ length: rows }, (_, i) => (i * 7 + 3) % classes);
