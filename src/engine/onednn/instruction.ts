import type { Shape } from '../../core/shape.ts';
import type { Attrs } from '../../graph/attrs.ts';
import type { GraphDType, TensorType } from '../../graph/graph.ts';
import type { AnyOp } from '../../graph/op.ts';
import type { Desc, Handle } from './binding.ts';
import type { NativeMemory } from './native-memory.ts';

/** Bytes that hold one value in one layout while they are needed. */
export class Buffer {
  readonly bytes: number;
  /** Memory outside the arena: a parameter's or state's own. */
  readonly home?: NativeMemory;
  /** Keeps its contents from run to run: computed from the store only when that changes. */
  readonly kept: boolean;
  /** The buffer whose bytes this one shares, and at which of them it begins. */
  #shared?: { readonly buffer: Buffer; readonly offset: number };

  constructor(bytes: number, { home, kept = false }: { home?: NativeMemory; kept?: boolean } = {}) {
    this.bytes = bytes;
    this.home = home;
    this.kept = kept;
  }

  /** The buffer that stands for all that share bytes. */
  get root(): Buffer {
    return this.#shared ? this.#shared.buffer.root : this;
  }

  /** Where it begins in the bytes of its root. */
  get offset(): number {
    return this.#shared ? this.#shared.buffer.offset + this.#shared.offset : 0;
  }

  shareWith(buffer: Buffer, offset = 0): void {
    this.#shared = { buffer, offset };
  }
}

/** A value as it lies in one buffer. */
export interface Version {
  readonly desc: Desc;
  /** The axes `desc` counts: the value's, or a regrouping of them. */
  readonly dims: Shape;
  readonly dtype: GraphDType;
  readonly buffer: Buffer;
}

/** What every instruction says of itself, for profiles and for the memory plan. */
interface Described {
  readonly name: string;
  readonly path: string;
  readonly implementation: string;
  readonly flops: number;
  readonly reads: readonly Buffer[];
  readonly writes: readonly Buffer[];
  /** A buffer that is read may become the written one if nobody reads it later. */
  readonly overwrites?: readonly (readonly [from: Buffer, to: Buffer])[];
}

/** A buffer as a stretch of a larger one. */
export interface Part {
  readonly buffer: Buffer;
  readonly offset: number;
}

export interface PrimitiveInstruction extends Described {
  readonly type: 'primitive';
  readonly primitiveDesc: Handle;
  readonly args: readonly (readonly [arg: number, desc: Desc, buffer: Buffer])[];
  /** Only copies; left out if its source becomes its destination. */
  readonly elidable?: boolean;
  /** Only joins these into the first written buffer, each at this byte; left out if they lie there from the start. */
  readonly joins?: readonly Part[];
}

export interface KernelInstruction extends Described {
  readonly type: 'kernel';
  readonly record: Pick<AnyOp, 'eval' | 'inPlace'>;
  readonly attrs: Attrs;
  readonly inputs: readonly (Version | undefined)[];
  readonly outputs: readonly Version[];
  readonly inputTypes: readonly (TensorType | undefined)[];
  readonly outputTypes: readonly TensorType[];
}

export type Instruction = PrimitiveInstruction | KernelInstruction;
