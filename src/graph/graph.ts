import type { Shape } from '../core/shape.ts';
import type { Attrs } from './attrs.ts';

/** Index of a value in its graph's `values`. */
export type ValueId = number;

/** Formats a graph computes on: `f32` for everything real, `i32` for labels, indices and counts. */
export type GraphDType = 'f32' | 'i32';

export interface TensorType {
  readonly shape: Shape;
  readonly dtype: GraphDType;
}

/**
 * Where a value comes from: `input` is fed at every run, `parameter` and `state` live in the engine's store under their name
 * (a parameter has a gradient, a state such as a running mean or a moment has none), `result` is computed by a node.
 */
export type Role = 'input' | 'parameter' | 'state' | 'result';

export interface Value extends TensorType {
  readonly id: ValueId;
  readonly role: Role;
  /** Name of the input, or PyTorch's state-dict key; empty for results. */
  readonly name: string;
}

/** One application of an op. Missing optional inputs are `null`. */
export interface Node {
  readonly op: string;
  readonly attrs: Attrs;
  readonly inputs: readonly (ValueId | null)[];
  readonly outputs: readonly ValueId[];
  /** Path of the module that made it, for messages, profiles and captures; empty at the top. */
  readonly path: string;
}

/**
 * A computation as plain data (it survives a structured clone): what modules, passes and engines exchange.
 * Nodes stand in an order in which they can run.
 */
export interface Graph {
  readonly values: readonly Value[];
  readonly nodes: readonly Node[];
  /** What a run returns, by name. */
  readonly outputs: Readonly<Record<string, ValueId>>;
  /** The value each module returned, by module path: the names a capture understands. */
  readonly scopes: Readonly<Record<string, ValueId>>;
}

export const isPersistent = (value: Value): boolean => value.role === 'parameter' || value.role === 'state';
