import { UsageError } from '../core/errors.ts';
import { type StateDict, zeros } from '../core/ndarray.ts';
import type { Graph } from '../graph/graph.ts';
import type { GraphBuilder, Tensor } from '../graph/tensor.ts';
import { adamOp, adamRatesOp, adamwOp } from '../ops/adam.ts';
import { clipNorm } from '../ops/clip-norm.ts';
import { sgdMomentumOp, sgdOp } from '../ops/sgd.ts';
import { unknownKind } from './kinds.ts';
import type { AdamSpec, OptimizerSpec, SgdSpec } from './spec.ts';

/** A parameter that trains. */
export interface TrainedParameter {
  readonly parameter: Tensor;
  /** State-dict key. */
  readonly name: string;
  readonly gradient: Tensor;
  /** Parameters of one group share a learning rate and a count of steps; default: the group that is fed as `lr` and `step`. */
  readonly group?: string;
}

/** Prefix of the names of all optimizer states in a store. */
export const OPTIMIZER_PREFIX = 'optimizer.';

/** Name of the scalar input that feeds a group's learning rate. */
export const learningRateInput = (group?: string): string => (group ? `lr.${group}` : 'lr');

/** Name of the scalar input that feeds how many steps a group has taken, this one included. */
export const stepInput = (group?: string): string => (group ? `step.${group}` : 'step');

interface Update {
  readonly builder: GraphBuilder;
  readonly trained: TrainedParameter;
  readonly lr: Tensor;
  readonly scale: Tensor | undefined;
  /** What a group's updates share, made by the first of them. */
  readonly shared: (make: () => readonly Tensor[]) => readonly Tensor[];
  readonly state: (suffix: string) => Tensor;
}

function sgd({ builder, trained: { parameter, gradient }, lr, scale, state }: Update, spec: SgdSpec): void {
  const { momentum = 0, nesterov = false, weightDecay = 0 } = spec;
  if (momentum === 0) builder.apply(sgdOp, [parameter, gradient, lr, scale], { weightDecay });
  else builder.apply(sgdMomentumOp, [parameter, gradient, lr, state('momentum_buffer'), scale], { weightDecay, momentum, nesterov });
}

function adam({ builder, trained: { parameter, gradient, group }, lr, scale, shared, state }: Update, spec: AdamSpec): void {
  const { kind, betas = [0.9, 0.999], eps = 1e-8, weightDecay = kind === 'adamw' ? 0.01 : 0 } = spec;
  const [beta1, beta2] = betas;
  const [rate, correction] = shared(() => builder.apply(adamRatesOp, [lr, builder.input(stepInput(group), [])], { beta1, beta2 }));
  const inputs = [parameter, gradient, lr, rate, correction, state('exp_avg'), state('exp_avg_sq'), scale];
  builder.apply(kind === 'adamw' ? adamwOp : adamOp, inputs, { beta1, beta2, eps, weightDecay });
}

const updates = { sgd, adam, adamw: adam };

/**
 * Adds one optimizer step to a graph: clipping, if wanted, and the update of every parameter in place.
 *
 * Inputs it adds, all scalars: `lr` (`lr.<group>` for a named group) and, for Adam and AdamW, `step` (`step.<group>`), the number of the step
 * from 1: a group that joins later counts from its own first step, or its moments would be corrected too little. A run that is fed anything
 * but a count from 1 throws `NumericError` before the parameters of that group change.
 * States it adds, zero before the first step: `optimizer.<parameter>.momentum_buffer`, or `.exp_avg` and `.exp_avg_sq`.
 *
 * Returns the norm of all gradients before clipping, if they are clipped.
 *
 * **Throws** `UsageError` for an unknown kind, with the nearest, or nesterov without momentum; `ShapeError` for options out of range.
 *
 * @example attachOptimizer(builder, [{ parameter: weight, name: 'weight', gradient }], { kind: 'adam', maxGradNorm: 1 });
 */
export function attachOptimizer(builder: GraphBuilder, trained: readonly TrainedParameter[], spec: OptimizerSpec): Tensor | undefined {
  if (!Object.hasOwn(updates, spec.kind)) throw unknownKind('optimizer', spec.kind, Object.keys(updates));
  if (spec.kind === 'sgd' && spec.nesterov && !spec.momentum)
    throw new UsageError({ where: 'sgd', expected: 'a momentum above 0 for nesterov', got: `${spec.momentum ?? 0}` });
  const clipped =
    spec.maxGradNorm === undefined
      ? undefined
      : clipNorm(
          trained.map((t) => t.gradient),
          spec.maxGradNorm,
        );
  const made = new Map<string | undefined, readonly Tensor[]>();
  for (const t of trained) {
    const update: Update = {
      builder,
      trained: t,
      lr: builder.input(learningRateInput(t.group), []),
      scale: clipped?.scale,
      shared: (make) => made.get(t.group) ?? made.set(t.group, make()).get(t.group)!,
      state: (suffix) => builder.state(`${OPTIMIZER_PREFIX}${t.name}.${suffix}`, t.parameter.shape),
    };
    builder.scope(`${OPTIMIZER_PREFIX}${t.name}`, () => updates[spec.kind](update, spec as never));
  }
  return clipped?.norm;
}

/** The states of a graph's optimizer as they are before the first step: zeros. */
export function initialOptimizerState(graph: Graph): StateDict {
  const states = graph.values.filter((v) => v.role === 'state' && v.name.startsWith(OPTIMIZER_PREFIX));
  return new Map(states.map((v) => [v.name, zeros('f32', v.shape)]));
}
