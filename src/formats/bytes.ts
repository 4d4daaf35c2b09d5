import { FormatError } from '../core/errors.ts';
import { type ArrayOf, allocate, bytesPerElement, type DType, viewOf } from '../core/ndarray.ts';

/** Throws the one error every reader of this folder throws: which file, what was expected of it, what it holds. */
export function refuse(file: string, expected: string, got: string, hint?: string): never {
  throw new FormatError({ where: file, expected, got, hint });
}

/** Elements of a little-endian run of bytes, as a copy: aligned, and alone in its buffer so that it can be transferred. */
export function elementsOf<D extends DType>(dtype: D, bytes: Uint8Array): ArrayOf<D> {
  // Not slice(): a Node Buffer's slice is a view.
  const copy = new Uint8Array(bytes);
  return viewOf(dtype, copy.buffer, 0, copy.byteLength / bytesPerElement(dtype));
}

/** Elements of a big-endian run of bytes, as a copy. */
export function bigEndianElementsOf<D extends DType>(dtype: D, bytes: Uint8Array): ArrayOf<D> {
  const size = bytesPerElement(dtype);
  const copy = allocate(dtype, bytes.byteLength / size);
  const target = new Uint8Array(copy.buffer);
  for (let i = 0; i < target.length; i++) target[i + size - 1 - 2 * (i % size)] = bytes[i];
  return copy;
}

/** The bytes of an array, not copied. */
export const bytesOf = (data: ArrayBufferView): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** Joins parts into one run of bytes. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** Bytes as a message shows them: `0x89 0x50`. */
export const formatBytes = (bytes: Uint8Array): string =>
  bytes.length ? Array.from(bytes, (b) => `0x${b.toString(16).padStart(2, '0')}`).join(' ') : 'nothing';
