import type { Shape } from '../core/shape.ts';

/** A place in a feature map; a layer without a map has row and column 0. */
export interface Position {
  readonly channel: number;
  readonly row: number;
  readonly col: number;
}

/** The part of the input a position reads. */
export interface InputWindow {
  /** Rows and columns of the input; outside it they lie in the padding. */
  readonly rows: readonly number[];
  readonly cols: readonly number[];
  /** Whether each place is padding. */
  readonly padding: readonly (readonly boolean[])[];
}

type Grid = readonly (readonly number[])[];

/** One input channel of a convolution: window · weights, place by place. */
export interface ChannelTerm {
  readonly channel: number;
  readonly inputs: Grid;
  readonly weights: Grid;
  readonly products: Grid;
  readonly sum: number;
}

/** One feature of a fully connected layer. */
export interface FeatureTerm {
  readonly feature: number;
  /** Where it stood before it was flattened. */
  readonly from: Position | null;
  readonly input: number;
  readonly weight: number;
  readonly product: number;
}

/** How a number comes about; the numbers of every form add up to `computed`. */
export type Derivation =
  /** Σ over channels of Σ window·weights, plus bias. */
  | { readonly form: 'convolution'; readonly window: InputWindow; readonly channels: readonly ChannelTerm[]; readonly bias: number | null }
  /** Σ feature·weight, plus bias. */
  | { readonly form: 'linear'; readonly terms: readonly FeatureTerm[]; readonly bias: number | null }
  /** max(input, 0). */
  | { readonly form: 'relu'; readonly input: number }
  /** The largest number of a window (the first one of equals). */
  | {
      readonly form: 'max';
      readonly window: InputWindow;
      readonly inputs: Grid;
      readonly winner: { readonly row: number; readonly col: number };
    }
  /** Sum of a window over the number of its places. */
  | { readonly form: 'mean'; readonly window: InputWindow; readonly inputs: Grid; readonly sum: number; readonly count: number }
  /** weight·(input − mean)/√(variance + eps) + bias. */
  | {
      readonly form: 'normalisation';
      readonly input: number;
      readonly mean: number;
      readonly variance: number;
      readonly eps: number;
      readonly weight: number;
      readonly bias: number;
    }
  /** a + b. */
  | { readonly form: 'addition'; readonly terms: readonly { readonly layer: string; readonly value: number }[] }
  /** exp(score − shift) over the sum of them all. */
  | {
      readonly form: 'softmax';
      readonly scores: readonly number[];
      /** Subtracted from every score: 0, or the largest where e to its power would be unwieldy. */
      readonly shift: number;
      readonly exponentials: readonly number[];
      readonly sum: number;
      readonly probabilities: readonly number[];
      readonly loss: ExplainedLoss | null;
    };

/** −ln of the probability of the true class. */
export interface ExplainedLoss {
  readonly label: number;
  readonly prob: number;
  readonly computed: number;
  /** The engine's cross-entropy. */
  readonly value: number;
  readonly difference: number;
}

/** One number of a network on one picture, and where it comes from: plain data. */
export interface Explanation {
  /** Name of the layer, as a summary lists it. */
  readonly layer: string;
  /** Class of the module, or the op of a function. */
  readonly kind: string;
  /** Shapes without the batch. */
  readonly inputShape: Shape;
  readonly outputShape: Shape;
  readonly position: Position;
  /** What the engine computed. */
  readonly value: number;
  /** What the numbers of `derivation` make, in double precision. */
  readonly computed: number;
  /** |computed − value|: at most 1e-4, or 1e-4 of a value above 1. */
  readonly difference: number;
  readonly derivation: Derivation;
}
