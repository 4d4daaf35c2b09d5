import { type Shape, sizeOf } from './shape.ts';

/** Number formats an array can hold. Graphs compute on `f32` and `i32`; `f64` exists for gradient checks. */
export type DType = 'f32' | 'f64' | 'i32' | 'i64' | 'u8';

export type TypedArray = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;
/** Typed arrays whose elements are plain numbers: what ops compute on. */
export type NumberArray = Float32Array | Float64Array | Int32Array | Uint8Array;

const constructors = { f32: Float32Array, f64: Float64Array, i32: Int32Array, i64: BigInt64Array, u8: Uint8Array } as const;
export type ArrayOf<D extends DType> = InstanceType<(typeof constructors)[D]>;

/** Numbers with a shape, row-major, as plain data that survives a structured clone. */
export interface NdArray<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: Shape;
  readonly data: ArrayOf<D>;
}

/** Named arrays under PyTorch's state-dict keys. */
export type StateDict = Map<string, NdArray>;

export const bytesPerElement = (dtype: DType): number => constructors[dtype].BYTES_PER_ELEMENT;

export const allocate = <D extends DType>(dtype: D, length: number): ArrayOf<D> => new constructors[dtype](length) as ArrayOf<D>;

/** A view of `dtype` elements over bytes that already exist. */
export const viewOf = <D extends DType>(dtype: D, buffer: ArrayBufferLike, byteOffset: number, length: number): ArrayOf<D> =>
  new constructors[dtype](buffer as ArrayBuffer, byteOffset, length) as ArrayOf<D>;

export const zeros = <D extends DType>(dtype: D, shape: Shape): NdArray<D> => ({ dtype, shape, data: allocate(dtype, sizeOf(shape)) });

/** An `f32` array from numbers; the shape defaults to one axis. */
export const f32 = (values: ArrayLike<number>, shape: Shape = [values.length]): NdArray<'f32'> => ({
  dtype: 'f32',
  shape,
  data: Float32Array.from(values),
});

/** A single `f32` number: a learning rate, a step count. */
export const scalar = (value: number): NdArray<'f32'> => f32([value], []);

/** An `i32` array from numbers: labels, indices. */
export const i32 = (values: ArrayLike<number>, shape: Shape = [values.length]): NdArray<'i32'> => ({
  dtype: 'i32',
  shape,
  data: Int32Array.from(values),
});

/** First weight that holds a number that is not finite, and that number. */
export function findNonFinite(state: StateDict): { name: string; value: number } | undefined {
  for (const [name, { data }] of state) {
    if (data instanceof BigInt64Array) continue;
    const place = indexOfNonFinite(data);
    if (place >= 0) return { name, value: data[place] };
  }
  return undefined;
}

/** Index of the first number that is not finite; -1 if all are. */
export function indexOfNonFinite(data: NumberArray): number {
  // A sum tells it of all numbers at once, in four parts in a third of the time. One that overflows is looked into.
  let [a, b, c, d] = [0, 0, 0, 0];
  const whole = data.length - (data.length % 4);
  for (let i = 0; i < whole; i += 4) {
    a += data[i];
    b += data[i + 1];
    c += data[i + 2];
    d += data[i + 3];
  }
  for (let i = whole; i < data.length; i++) a += data[i];
  if (Number.isFinite(a + b + c + d)) return -1;
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return i;
  return -1;
}
