import type { Shape } from '../core/shape.ts';

/**
 * The vocabulary in which an op's record tells an engine of primitives how to compute it: plain data, in oneDNN's words.
 * The op says what to run and which layouts are acceptable; the engine chooses layouts, inserts reorders and plans memory.
 */
export type Lowering = readonly Step[];

/** A value the step touches: an input or output of the node, or a temporary that lives inside this lowering. */
export type Ref = { readonly in: number } | { readonly out: number } | { readonly temp: string };

/**
 * `any`: the primitive chooses. `given`: as the value lies already (for a value not laid out yet: plain). `plain`: row-major.
 * `like`: as that other operand lies.
 */
export type Layout = 'any' | 'given' | 'plain' | { readonly like: Ref };

export interface Operand {
  readonly of: Ref;
  /** Default `any`. */
  readonly layout?: Layout;
  /** The axes the primitive sees, where they group the value's elements differently (`[O, C·H·W]` seen as `[O, C, H, W]`). */
  readonly dims?: Shape;
}

export type Activation = 'none' | 'relu';

/** What a primitive does to its result before it stores it. */
export interface PostOps {
  /** Add this value: it must lie as `dst` does and its buffer becomes `dst` if it dies here, else it is copied first. */
  readonly addend?: Ref;
  readonly activation?: Activation;
}

interface Spatial {
  readonly strides: readonly number[];
  readonly padBegin: readonly number[];
  readonly padEnd: readonly number[];
}

/**
 * In every step `src`, `weights`, `bias`, `dst` name the place, not the role: in `backwardData` `dst` is read (the gradient
 * that comes in) and `src` written (the gradient that goes out); in `backwardWeights` `weights` and `bias` are written.
 */
export interface ConvolutionStep extends Spatial, PostOps {
  readonly kind: 'convolution';
  readonly direction: 'forward' | 'backwardData' | 'backwardWeights';
  readonly src: Operand;
  readonly weights: Operand;
  readonly bias?: Operand;
  readonly dst: Operand;
  /** Distance between taps in pixels: 1 is dense. */
  readonly dilation: readonly number[];
}

export interface InnerProductStep extends PostOps {
  readonly kind: 'innerProduct';
  readonly direction: 'forward' | 'backwardData' | 'backwardWeights';
  readonly src: Operand;
  readonly weights: Operand;
  readonly bias?: Operand;
  readonly dst: Operand;
}

export interface PoolingStep extends Spatial {
  readonly kind: 'pooling';
  readonly algorithm: 'max' | 'averageIncludePadding' | 'averageExcludePadding';
  readonly direction: 'forward' | 'inference' | 'backward';
  readonly kernel: readonly number[];
  readonly src: Operand;
  readonly dst: Operand;
  readonly workspace?: Operand;
}

export interface BatchNormStep {
  readonly kind: 'batchNorm';
  readonly direction: 'forward' | 'inference' | 'backward';
  readonly epsilon: number;
  readonly activation?: Activation;
  /** Forward: read and written. Backward: `src` is read; `diffSrc` is written. */
  readonly src: Operand;
  readonly dst: Operand;
  readonly mean: Operand;
  readonly variance: Operand;
  readonly scale: Operand;
  readonly shift: Operand;
  readonly workspace?: Operand;
  readonly diffSrc?: Operand;
  readonly diffScale?: Operand;
  readonly diffShift?: Operand;
}

export interface EltwiseStep {
  readonly kind: 'eltwise';
  readonly algorithm: 'relu' | 'linear' | 'sqrt';
  readonly direction: 'forward' | 'backward';
  readonly alpha?: number;
  readonly beta?: number;
  /** Backward: `src` is what the forward step read (for ReLU its result does as well), `diffSrc` is written. */
  readonly src: Operand;
  readonly dst: Operand;
  readonly diffSrc?: Operand;
}

export interface BinaryStep {
  readonly kind: 'binary';
  readonly algorithm: 'add' | 'mul';
  readonly a: Operand;
  /** Extents of 1 are broadcast. */
  readonly b: Operand;
  readonly dst: Operand;
  readonly activation?: Activation;
}

/**
 * Adds to an array in place: dst ← keep·dst + f(a ∘ b), element by element. Every operand but scalars lies as the node's first input does;
 * `dst` is an output that overwrites its input, or a temporary.
 */
export interface AccumulateStep {
  readonly kind: 'accumulate';
  readonly dst: Ref;
  /** Share of `dst` that stays. Default 0: what it held does not matter. */
  readonly keep?: number;
  readonly a: Ref;
  /** Default: `a` alone. A scalar goes with every element. */
  readonly b?: Ref;
  /** ∘, default `mul`. */
  readonly algorithm?: 'mul' | 'div';
  /** f: these in turn. */
  readonly through?: readonly Elementwise[];
}

/** A function of one element: α·x + β, or its root. */
export type Elementwise = { readonly algorithm: 'linear'; readonly alpha: number; readonly beta?: number } | { readonly algorithm: 'sqrt' };

export interface SoftmaxStep {
  readonly kind: 'softmax';
  readonly logarithm: boolean;
  readonly direction: 'forward' | 'backward';
  readonly axis: number;
  readonly src?: Operand;
  readonly dst: Operand;
  readonly diffDst?: Operand;
  readonly diffSrc?: Operand;
}

export interface ConcatStep {
  readonly kind: 'concat';
  readonly axis: number;
  readonly sources: readonly Operand[];
  readonly dst: Operand;
}

/** Copies a box of `src` that begins at `offsets` and has `dst`'s extents. */
export interface SliceStep {
  readonly kind: 'slice';
  readonly offsets: readonly number[];
  readonly src: Operand;
  readonly dst: Operand;
}

/** The same elements under another shape: no work if they lie row-major already. */
export interface ViewStep {
  readonly kind: 'view';
  readonly src: Operand;
  readonly dst: Operand;
}

/**
 * The record's own `eval` runs on the engine's memory in place. `layout` `plain` hands every array over row-major; `sameAs` gives
 * every f32 operand the layout of that operand (an elementwise op does not care which; padded lanes hold zero and must stay zero)
 * and i32 or scalar operands as they are. `given` hands every input over as it lies already, whatever that is (sums over all elements:
 * padded lanes hold zero); the outputs are scalars.
 */
export interface KernelStep {
  readonly kind: 'kernel';
  readonly layout: 'plain' | 'given' | { readonly sameAs: Ref };
}

export type Step =
  | ConvolutionStep
  | InnerProductStep
  | PoolingStep
  | BatchNormStep
  | EltwiseStep
  | BinaryStep
  | AccumulateStep
  | SoftmaxStep
  | ConcatStep
  | SliceStep
  | ViewStep
  | KernelStep;

/** The lowering of an op whose `eval` is fast enough as it is: small results such as losses and counts. */
export const plainKernel = (): Lowering => [{ kind: 'kernel', layout: 'plain' }];
/** The lowering of an elementwise op on arrays that lie as input `like` does. */
export const elementwiseKernel = (like = 0): Lowering => [{ kind: 'kernel', layout: { sameAs: { in: like } } }];
/** The lowering of a reduction over whole arrays, which may differ in shape and layout, to scalars. */
export const reductionKernel = (): Lowering => [{ kind: 'kernel', layout: 'given' }];
