/** SGD: `w ← w − lr·(g + weightDecay·w)`, with momentum as in `torch.optim.SGD` (dampening 0). */
export interface SgdSpec {
  readonly kind: 'sgd';
  /** 0 … 1; default 0. */
  readonly momentum?: number;
  /** Default false; needs a momentum. */
  readonly nesterov?: boolean;
  /** L2, 0 or more; default 0. */
  readonly weightDecay?: number;
}

/** Adam (weight decay as L2 in the gradient) or AdamW (weight decay on the parameter itself). */
export interface AdamSpec {
  readonly kind: 'adam' | 'adamw';
  /** Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** Default 1e-8. */
  readonly eps?: number;
  /** Default 0 for Adam, 0.01 for AdamW. */
  readonly weightDecay?: number;
}

/**
 * Which optimizer a training graph contains, as plain data. The learning rate is not part of it: it is fed at every step.
 *
 * **Source**: `torch.optim.SGD`, `Adam`, `AdamW`, with their defaults.
 *
 * @example const spec: OptimizerSpec = { kind: 'sgd', momentum: 0.9, weightDecay: 1e-4 };
 */
export type OptimizerSpec = (SgdSpec | AdamSpec) & {
  /** Gradients are shortened together to at most this norm; default: left as they are. */
  readonly maxGradNorm?: number;
};
