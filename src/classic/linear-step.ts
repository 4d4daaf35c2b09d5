import { evaluationGraph, trainingGraph } from '../compile/step.ts';
import { above0, checkOptions, from0, integer, oneOf, share } from '../core/option-ranges.ts';
import type { Graph } from '../graph/graph.ts';
import type { Tensor } from '../graph/tensor.ts';
import { Linear } from '../nn/layers.ts';
import { crossEntropyLoss, hingeLoss, type Loss } from '../nn/losses.ts';
import { add } from '../ops/arithmetic.ts';
import { l2Penalty } from '../ops/l2-penalty.ts';

export const linearLosses = ['hinge', 'softmax'] as const;
export type LinearLoss = (typeof linearLosses)[number];

/** What a linear classifier minimises. */
export interface LinearObjective {
  /** Default `softmax`. */
  loss?: LinearLoss;
  /** Of the hinge loss, above 0; default 1. */
  margin?: number;
  /** λ, from 0; default 1e-4. */
  l2?: number;
}

export interface LinearStepOptions extends LinearObjective {
  batchSize: number;
  /** Numbers to a sample. */
  width: number;
  classes: number;
  /** 0 to below 1; default 0.9. */
  momentum?: number;
}

const ranges = {
  loss: oneOf(linearLosses),
  margin: above0,
  l2: from0,
  batchSize: integer(1),
  width: integer(1),
  classes: integer(1),
  momentum: share,
};

/** **Throws** `UsageError` for an option out of range: no such loss, a margin that is not above 0, a λ below 0 … */
export const checkObjective = (options: Partial<LinearStepOptions>): void => checkOptions(options, ranges);

function lossOf({ loss = 'softmax', margin = 1 }: LinearObjective): Loss {
  return loss === 'hinge' ? hingeLoss({ margin }) : crossEntropyLoss();
}

/**
 * One step of gradient descent for f(x, W, b) = Wx + b, as a graph.
 *
 *     hinge:   L = 1/N · Σ_i Σ_(j≠y_i) max(0, s_ij − s_iy + margin)
 *     softmax: L = 1/N · Σ_i −ln(exp(s_iy) / Σ_j exp(s_ij))
 *     loss = L + λ·R(W),   R(W) = Σ W²                     the bias is not penalised
 *     v ← momentum·v + ∂loss/∂W,   W ← W − lr·v            b alike
 *
 * **Shapes**: inputs `x` `[N, width]`, `target` i32 `[N]`, `lr` `[]`; parameters `weight` `[classes, width]`, `bias` `[classes]`; outputs `loss`,
 * `dataLoss` (L alone) and `y`, the scores `[N, classes]`, all from before the step.
 *
 * **Throws** `UsageError` for an option out of range.
 * **Source**: the course's losses; `torch.optim.SGD` for the momentum.
 *
 * @example const graph = linearStepGraph({ batchSize: 100, width: 3072, classes: 10, loss: 'hinge', l2: 1e-4 });
 */
export function linearStepGraph(options: LinearStepOptions): Graph {
  checkObjective(options);
  const { batchSize, width, classes, l2 = 1e-4, momentum = 0.9 } = options;
  const module = new Linear(width, classes);
  const loss = (scores: Tensor, target: Tensor): Tensor => {
    const data = lossOf(options)(scores, target);
    scores.graph.output('dataLoss', data);
    return l2 === 0 ? data : add(data, l2Penalty([module.weight.in(scores.graph)], l2));
  };
  return trainingGraph({ module, inputShape: [batchSize, width], loss, optimizer: { kind: 'sgd', momentum } });
}

/**
 * Scores `y` and the loss without its penalty, for a batch.
 *
 * **Throws** `UsageError` for an option out of range.
 */
export function linearEvaluationGraph(options: Omit<LinearStepOptions, 'l2' | 'momentum'>): Graph {
  checkObjective(options);
  const { batchSize, width, classes } = options;
  return evaluationGraph({ module: new Linear(width, classes), inputShape: [batchSize, width], loss: lossOf(options) });
}
