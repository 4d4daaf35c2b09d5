import { bytesPerElement, type DType, type NdArray } from '../core/ndarray.ts';
import { type Shape, sizeOf, stridesOf } from '../core/shape.ts';
import { elementsOf } from './bytes.ts';
import { bfloat16ToSingle, halfToSingle } from './half.ts';

/** A number format of a file: how wide it is there, and what its little-endian bytes become. */
export interface ElementType {
  bytes: number;
  dtype: DType;
  decode: (bytes: Uint8Array) => NdArray['data'];
}

const kept = (dtype: DType): ElementType => ({ bytes: bytesPerElement(dtype), dtype, decode: (bytes) => elementsOf(dtype, bytes) });

const halves = (toSingle: typeof halfToSingle): ElementType => ({
  bytes: 2,
  dtype: 'f32',
  decode: (bytes) => toSingle(new Uint16Array(new Uint8Array(bytes).buffer)),
});

const widened = (array: Int8ArrayConstructor | Int16ArrayConstructor | Uint16ArrayConstructor): ElementType => ({
  bytes: array.BYTES_PER_ELEMENT,
  dtype: 'i32',
  decode: (bytes) => Int32Array.from(new array(new Uint8Array(bytes).buffer)),
});

/** By PyTorch's name. What an `NdArray` cannot hold becomes the next wider dtype, exactly. */
export const elementTypes = {
  float16: halves(halfToSingle),
  bfloat16: halves(bfloat16ToSingle),
  float32: kept('f32'),
  float64: kept('f64'),
  int8: widened(Int8Array),
  int16: widened(Int16Array),
  uint16: widened(Uint16Array),
  int32: kept('i32'),
  int64: kept('i64'),
  uint8: kept('u8'),
  bool: kept('u8'),
} as const satisfies Record<string, ElementType>;

export type ElementName = keyof typeof elementTypes;

/** Index of the last element that a strided array reaches, counted from its first; −1 if it has none. */
export const lastIndexOf = (shape: Shape, strides: Shape): number =>
  shape.includes(0) ? -1 : shape.reduce((sum, extent, axis) => sum + (extent - 1) * strides[axis], 0);

/**
 * The bytes of a strided array in row-major order: a view if they lie so already, else a copy.
 *
 * - `source`: the storage; `offset` and `strides` count its elements of `itemBytes` bytes. The caller checks that all lie inside.
 */
export function gather(source: Uint8Array, itemBytes: number, offset: number, shape: Shape, strides: Shape): Uint8Array {
  const count = sizeOf(shape);
  const rowMajor = stridesOf(shape);
  if (count === 0 || shape.every((extent, axis) => extent === 1 || strides[axis] === rowMajor[axis]))
    return source.subarray(offset * itemBytes, (offset + count) * itemBytes);
  const out = new Uint8Array(count * itemBytes);
  const position = new Array<number>(shape.length).fill(0);
  let from = offset * itemBytes;
  for (let to = 0; to < out.length; to += itemBytes) {
    for (let byte = 0; byte < itemBytes; byte++) out[to + byte] = source[from + byte];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis] * itemBytes;
      if (++position[axis] < shape[axis]) break;
      from -= shape[axis] * strides[axis] * itemBytes;
      position[axis] = 0;
    }
  }
  return out;
}

/** Extents, strides or offsets from a file. */
export const isExtents = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length <= 64 && value.every((extent) => Number.isSafeInteger(extent) && extent >= 0);
