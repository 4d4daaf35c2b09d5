import { DataError } from '../core/errors.ts';
import type { Dataset } from './dataset.ts';

/** For every byte the double product rounds to the same single as the quotient by 255 that torchvision's `ToTensor` takes. */
const levelOfByte = 1 / 255;

/** The `read` of a data set whose samples lie in memory as bytes, one after the other: x = byte / 255 in single precision. */
export function byteSamples(name: string, pixels: Uint8Array, samplePixels: number): Dataset['read'] {
  const length = pixels.length / samplePixels;
  return (indices, into) => {
    for (let n = 0; n < indices.length; n++) {
      const index = indices[n];
      if (!(index >= 0 && index < length))
        throw new DataError({ where: name, expected: `an index from 0 to ${length - 1}`, got: `${index}` });
      // Copied by the runtime, which converts many bytes at once, then scaled: twice as fast as a loop over a table of levels.
      into.set(pixels.subarray(index * samplePixels, (index + 1) * samplePixels), n * samplePixels);
    }
    const end = indices.length * samplePixels;
    for (let i = 0; i < end; i++) into[i] *= levelOfByte;
  };
}
