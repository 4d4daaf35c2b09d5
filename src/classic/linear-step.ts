import { evaluationGraph, trainingGraph } from '../compile/step.ts';
import { UsageError } from '../core/errors.ts';
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

/** **Throws** `UsageError` for a margin that is not above 0 or a λ below 0. */
export function checkObjective({ margin = 1, l2 = 0 }: LinearObjective): void {
  if (!(margin > 0 && Number.isFinite(margin))) throw new UsageError({ where: '--margin', expected: 'a number above 0', got: `${margin}` });
  if (!(l2 >= 0 && Number.isFinite(l2))) throw new UsageError({ where: '--l2', expected: 'a number from 0', got: `${l2}` });
}

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
 * **Throws** `UsageError` for a margin that is not above 0 or a λ below 0.
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

/** Scores `y` and the loss without its penalty, for a batch. */
export const linearEvaluationGraph = (options: Omit<LinearStepOptions, 'l2' | 'momentum'>): Graph =>
  evaluationGraph({
    module: new Linear(options.width, options.classes),
    inputShape: [options.batchSize, options.width],
    loss: lossOf(options),
  });
