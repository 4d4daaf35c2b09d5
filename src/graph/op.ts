import { ShapeError } from '../core/errors.ts';
import type { NumberArray } from '../core/ndarray.ts';
import { formatShape, type Shape, type WindowAxis } from '../core/shape.ts';
import type { AttrSpecs, AttrsOf } from './attrs.ts';
import type { GraphDType, TensorType } from './graph.ts';
import type { Lowering } from './lowering.ts';
import type { Tensor } from './tensor.ts';

/** A rule that an op deliberately lacks, with the reason. */
export interface None {
  readonly none: string;
}
export const none = (reason: string): None => ({ none: reason });
export const isNone = (rule: unknown): rule is None => typeof rule === 'object' && rule !== null && 'none' in rule;

export interface InputSpec {
  readonly name: string;
  readonly doc: string;
  /** Default `f32`. */
  readonly dtype?: GraphDType;
  readonly optional?: true;
  /** The last input may repeat. */
  readonly variadic?: true;
  /** Test values: default normal; `labels` draws from 0 … (last extent of input 0) − 1; `positive` is 0.5 … 1.5. */
  readonly domain?: 'normal' | 'positive' | 'labels' | 'integer';
  /** No gradient flows to this input although it is real (a learning rate, a running mean). */
  readonly constant?: true;
}

/** A row of the conformance grid: input shapes (`null`: left out) and attributes. */
export interface Example {
  readonly shapes: readonly (Shape | null)[];
  readonly attrs?: Readonly<Record<string, unknown>>;
}

export interface InferCall<A> {
  readonly inputs: readonly (TensorType | undefined)[];
  readonly attrs: A;
  /** `op @ module path`, for messages. */
  readonly where: string;
}

/**
 * Arrays arrive row-major (or, for an elementwise op, all in one same order) as `Float32Array` or, in gradient checks, `Float64Array`;
 * outputs arrive zeroed, except one that `inPlace` maps to an input: it is that input's own array. Accumulate in JavaScript numbers (f64).
 */
export interface EvalCall<A> {
  readonly inputs: readonly (NumberArray | undefined)[];
  readonly outputs: readonly NumberArray[];
  readonly inputTypes: readonly (TensorType | undefined)[];
  readonly outputTypes: readonly TensorType[];
  readonly attrs: A;
}

export interface GradCall<A> {
  readonly inputs: readonly (Tensor | undefined)[];
  readonly outputs: readonly Tensor[];
  /** Gradient of each output; undefined where none flows. At least one is there. */
  readonly gradOutputs: readonly (Tensor | undefined)[];
  /** Which inputs want a gradient: make nodes for no other. */
  readonly needs: readonly boolean[];
  readonly attrs: A;
}

export interface LowerCall<A> {
  readonly inputs: readonly (TensorType | undefined)[];
  readonly outputs: readonly TensorType[];
  /** Which outputs anybody reads. */
  readonly used: readonly boolean[];
  readonly attrs: A;
}

/**
 * How much of a picture (input 0) one position of the result depends on: the same `position`, the whole `picture`, a window of rows and
 * columns, or one `element` that may have stood elsewhere.
 */
export type Sight = 'position' | 'picture' | 'element' | readonly [height: WindowAxis, width: WindowAxis];

/** Properties that passes and engines ask for, so that no shared code tests an op's name. */
export interface Traits<A = unknown> {
  /** Works position by position, maps zero to zero: runs on any layout. */
  readonly elementwise?: true;
  /** Is the activation of this name; an op that `absorbsActivation` takes it over in its attribute `activation`. */
  readonly activation?: 'relu';
  readonly absorbsActivation?: true;
  /** A sample's result depends on the other samples of the batch. */
  readonly mixesSamples?: true;
  /** Adds its two inputs of one shape; an op with `absorbsAddend` takes one of them over at that input index. */
  readonly addition?: true;
  readonly absorbsAddend?: number;
  /** Only joins the axes after the first; an op with `absorbsFlatten` reads that input unflattened. */
  readonly flatten?: true;
  readonly absorbsFlatten?: number;
  /** Weights and bias (input indices) scale and shift whole output channels: a channel affine that follows folds into them. */
  readonly channelWeights?: { readonly weight: number; readonly bias: number };
  /** Is `scale·x + shift` per channel with values that do not depend on x. */
  readonly channelAffine?: (call: { inputs: readonly (Tensor | undefined)[]; attrs: A }) => { scale: Tensor; shift: Tensor };
  /** Needed for receptive fields; an `elementwise` op sees the same position of each input without saying so. */
  readonly sight?: (call: LowerCall<A>) => Sight;
  /** Takes the largest or the mean of what it sees, channel by channel. */
  readonly pools?: 'max' | 'mean';
  /** Gives each gradient (input 0) to the one position that a pooling chose; the input index of its workspace. */
  readonly spreadsTo?: number;
  /** Keeps a gradient (input 1) where a result (input 0) is positive. */
  readonly masksBy?: 'result';
  /** Rows (axis 0) or columns (1) of the picture that position `at` reads, those in the padding too. Default: the window of `sight`. */
  readonly taps?: (call: LowerCall<A>, axis: 0 | 1, at: number) => number[];
  /** Turns scores along axis 1 into shares of 1. */
  readonly shares?: true;
}

/**
 * Everything about an op in one place. No rule is optional: a hole is written `none("reason")`.
 * Argument checks, conformance tests, gradient checks, FLOP counts and the reference page follow from it.
 */
export interface OpRecord<S extends AttrSpecs = AttrSpecs> {
  readonly name: string;
  /** One sentence, then the formula. */
  readonly doc: string;
  readonly inputs: readonly InputSpec[];
  /** Names of the outputs; a variadic op's outputs repeat the last name. */
  readonly outputs: readonly string[];
  readonly attrs: S;
  readonly infer: (call: InferCall<AttrsOf<S>>) => TensorType[];
  readonly eval: (call: EvalCall<AttrsOf<S>>) => void;
  readonly grad: ((call: GradCall<AttrsOf<S>>) => (Tensor | undefined)[]) | None;
  readonly lower: { readonly onednn: ((call: LowerCall<AttrsOf<S>>) => Lowering) | None };
  /** Floating-point operations of one evaluation: a multiply-add counts as two. */
  readonly cost: (call: LowerCall<AttrsOf<S>>) => number;
  readonly traits: Traits<AttrsOf<S>>;
  /** Output index → index of the input whose storage it overwrites. */
  readonly inPlace: Readonly<Record<number, number>>;
  readonly examples: readonly Example[] | None;
}

/** Keeps the attribute types while checking the record's form. */
export const defineOp = <S extends AttrSpecs>(record: OpRecord<S>): OpRecord<S> => record;

/** A record whose attribute types are forgotten: what tables and engines hold. */
// biome-ignore lint/suspicious/noExplicitAny: rules are contravariant in their attributes, so only any accepts every record
export type AnyOp = OpRecord<any>;
export type Catalogue = ReadonlyMap<string, AnyOp>;

/** The record of a node's op. */
export function recordOf(catalogue: Catalogue, op: string): AnyOp {
  const record = catalogue.get(op);
  if (!record) throw new ShapeError({ where: op, expected: 'an op of the catalogue', got: `'${op}'` });
  return record;
}

/** Refuses inputs whose number, presence or dtype the record does not allow. */
export function checkInputs(record: AnyOp, inputs: readonly (TensorType | undefined)[], where: string): void {
  const specs = record.inputs;
  const variadic = specs.at(-1)?.variadic === true;
  if (inputs.length > specs.length && !variadic)
    throw new ShapeError({ where, expected: `at most ${specs.length} inputs`, got: `${inputs.length}` });
  for (let i = 0; i < Math.max(inputs.length, specs.length); i++) {
    const spec = specs[Math.min(i, specs.length - 1)];
    const input = inputs[i];
    if (!input) {
      if (spec.optional || (spec.variadic && i >= specs.length - 1 && inputs.length >= specs.length)) continue;
      throw new ShapeError({ where, expected: `input '${spec.name}'`, got: 'nothing' });
    }
    if (input.dtype !== (spec.dtype ?? 'f32'))
      throw new ShapeError({
        where,
        expected: `${spec.name} as ${spec.dtype ?? 'f32'}`,
        got: `${input.dtype} ${formatShape(input.shape)}`,
      });
  }
}
