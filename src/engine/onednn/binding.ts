import type { LibraryHandle } from 'koffi';
import { EngineError } from '../../core/errors.ts';
import type { Shape } from '../../core/shape.ts';
import type { Blocking } from './blocking.ts';

/** An object of oneDNN: the value of its pointer. */
export type Handle = bigint;

/** A memory descriptor: a struct in bytes in oneDNN 2, a handle in oneDNN 3. Pass it on; do not look inside. */
export type Desc = Uint8Array | Handle;

export const NULL: Handle = 0n;

export const DATA_TYPE = { f32: 3, i32: 4, u8: 6 } as const;
export type DataType = keyof typeof DATA_TYPE;

/** Argument numbers of `dnnl_primitive_execute`: the same in 2.x and 3.x. */
export const ARG = {
  src: 1,
  src1: 2,
  dst: 17,
  weights: 33,
  bias: 41,
  mean: 49,
  variance: 50,
  scale: 51,
  shift: 52,
  workspace: 64,
  scratchpad: 80,
  diffSrc: 129,
  diffDst: 145,
  diffWeights: 161,
  diffBias: 169,
  diffScale: 255,
  diffShift: 256,
  multipleSrc: 1024,
} as const;

export const PROP = { forward: 64, inference: 96, backward: 128 } as const;

/** What the two major versions number alike. Their own numbers stand in their files. */
export const ALGORITHM = {
  convolution: 1,
  winograd: 2,
  max: 0x1ff,
  averageIncludePadding: 0x2ff,
  averageExcludePadding: 0x3ff,
  add: 0x1fff0,
  mul: 0x1fff1,
  binaryMax: 0x1fff2,
  div: 0x1fff4,
  softmax: 0x30000,
  logSoftmax: 0x30001,
} as const;

/** Everything a descriptor may be made of, by name; each version's table says in which order its function takes them. */
export interface Ingredients {
  prop: number;
  algorithm: number;
  flags: number;
  axis: number;
  alpha: number;
  beta: number;
  epsilon: number;
  src: Desc;
  src1: Desc;
  dst: Desc;
  weights: Desc;
  bias: Desc;
  diffSrc: Desc;
  diffDst: Desc;
  strides: Shape;
  dilation: Shape;
  kernel: Shape;
  padBegin: Shape;
  padEnd: Shape;
}

export type Kind =
  | 'convolution.forward'
  | 'convolution.backwardData'
  | 'convolution.backwardWeights'
  | 'innerProduct.forward'
  | 'innerProduct.backwardData'
  | 'innerProduct.backwardWeights'
  | 'pooling.forward'
  | 'pooling.backward'
  | 'batchNorm.forward'
  | 'batchNorm.backward'
  | 'eltwise.forward'
  | 'eltwise.backward'
  | 'softmax.forward'
  | 'softmax.backward'
  | 'binary.forward';

/** A C function that makes a descriptor, and the names of its arguments in order. */
export interface Maker {
  readonly symbol: string;
  readonly args: readonly (keyof Ingredients | 'hint' | 'attr')[];
}

/** Numbers that differ between the major versions. */
export interface VersionNumbers {
  readonly eltwise: Readonly<Record<'relu' | 'sqrt' | 'linear', number>>;
  readonly normFlags: Readonly<Record<'globalStats' | 'scale' | 'shift' | 'relu', number>>;
  /** Format tags of pictures plane by plane: of 16 channels, of 8, of one. */
  readonly planeTags: readonly number[];
  /** Format tags of pictures pixel by pixel: channels last. */
  readonly pixelTags: readonly number[];
  /** Arguments that a primitive says it has and yet refuses. */
  readonly refused: Partial<Record<Kind, readonly number[]>>;
}

/**
 * The one interface to the two major versions of oneDNN: nothing above it knows which is loaded. Status codes become `EngineError`.
 */
export interface Binding {
  readonly numbers: VersionNumbers;
  /** Layout left to the primitive. */
  any(dims: Shape, type?: DataType): Desc;
  strided(dims: Shape, strides: Shape, type?: DataType): Desc;
  tagged(dims: Shape, tag: number): Desc;
  /** The box of `parent` that begins at `offsets`. */
  part(parent: Desc, dims: Shape, offsets: Shape): Desc;
  /** How a layout is blocked; only of versions whose reorders lose numbers in some of them. */
  blocking?(desc: Desc, axes: number): Blocking;
  /** Frees a descriptor made by this binding. */
  release(desc: Desc): void;
  /** Makes a primitive descriptor; `hint` is the forward one that a backward one wants. */
  describe(kind: Kind, ingredients: Partial<Ingredients>, attr: Handle, hint: Handle): Handle;
  concat(dst: Desc, axis: number, sources: readonly Desc[], attr: Handle): Handle;
  /** A copy of the descriptor of an execution argument; undefined if the primitive does not use it. */
  queryArg(primitiveDesc: Handle, arg: number): Desc | undefined;
  appendEltwise(postOps: Handle, algorithm: number, alpha: number, beta: number): void;
  /** Adds `scale` times what the result's memory holds. */
  appendSum(postOps: Handle, scale: number): void;
  /** Frees every descriptor that was not released. */
  close(): void;
}

/** `dnnl_status_t` in words. */
const STATUS = [
  'success',
  'out of memory',
  'invalid arguments',
  'unimplemented',
  'last implementation reached',
  'runtime error',
  'not required',
];

/** A C function that returns a status: anything but success throws, naming the function. */
export function statusFunction(lib: LibraryHandle, symbol: string, args: readonly string[]): (...values: unknown[]) => void {
  const call = lib.func(symbol, 'int', [...args]) as (...values: unknown[]) => number;
  return (...values) => {
    const status = call(...values);
    if (status !== 0) throw new EngineError({ where: `oneDNN ${symbol}`, expected: 'success', got: STATUS[status] ?? `status ${status}` });
  };
}

/** Calls a function whose first argument receives a new object, and returns that object. */
export function created(make: (out: Uint8Array, ...rest: unknown[]) => void, ...rest: unknown[]): Handle {
  const out = new BigUint64Array(1);
  make(out as unknown as Uint8Array, ...rest);
  return out[0];
}

/** `dnnl_dims_t`: twelve 64-bit integers. */
export function dimsOf(values: Shape): BigInt64Array {
  const dims = new BigInt64Array(12);
  values.forEach((v, i) => {
    dims[i] = BigInt(v);
  });
  return dims;
}

const C_TYPES: Partial<Record<keyof Ingredients, string>> = {
  prop: 'int',
  algorithm: 'int',
  flags: 'uint',
  axis: 'int',
  alpha: 'float',
  beta: 'float',
  epsilon: 'float',
};
export const cTypeOf = (name: keyof Ingredients | 'hint' | 'attr'): string => C_TYPES[name as keyof Ingredients] ?? 'void*';

const LISTS: ReadonlySet<string> = new Set(['strides', 'dilation', 'kernel', 'padBegin', 'padEnd']);

/** An ingredient as its C argument; absent descriptors are null pointers. */
export function cValueOf(name: keyof Ingredients, ingredients: Partial<Ingredients>): unknown {
  const value = ingredients[name];
  // oneDNN counts the gap between taps: 0 is dense.
  if (name === 'dilation') return dimsOf((value as Shape).map((d) => d - 1));
  if (LISTS.has(name)) return dimsOf(value as Shape);
  return value ?? (C_TYPES[name] ? 0 : null);
}
