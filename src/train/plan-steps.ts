import { type Parts, type TrainingOptions, trainingGraph, trainingParts } from '../compile/step.ts';
import type { StateDict } from '../core/ndarray.ts';
import type { Dataset } from '../data/dataset.ts';
import { isDeterministic } from '../data/transforms/index.ts';
import type { Graph } from '../graph/graph.ts';
import { crossEntropyLoss } from '../nn/losses.ts';
import type { Module } from '../nn/module.ts';
import { initialOptimizerState } from '../optim/attach.ts';
import { bankBytes, mostBankBytes } from './feature-bank.ts';
import type { Phase } from './phases.ts';
import { optimizerOf, type Recipe } from './recipe.ts';

export interface StepContext {
  recipe: Recipe;
  module: Module;
  trainSet: Dataset;
}

/** The usual batch size and, if the samples do not divide evenly, that of an epoch's last batch. */
export const batchSizes = ({ batchSize }: Recipe, { length }: Dataset): number[] => [
  ...new Set([Math.min(batchSize, length), length % batchSize].filter((n) => n > 0)),
];

/** Weights with which every class counts the same; a class without samples weighs 1. */
export function classWeights({ labels, classes }: Dataset): number[] {
  const counts = new Array<number>(classes.length).fill(0);
  for (const label of labels) counts[label]++;
  return counts.map((count) => (count === 0 ? 1 : labels.length / (classes.length * count)));
}

const optionsOf = ({ recipe, module, trainSet }: StepContext, phase: Phase, n: number): TrainingOptions => ({
  module,
  inputShape: [n, ...trainSet.sampleShape],
  loss: crossEntropyLoss({ labelSmoothing: recipe.labelSmoothing, ...(recipe.balance && { classWeights: classWeights(trainSet) }) }),
  optimizer: optimizerOf(recipe),
  trains: phase.trains,
  group: phase.group,
  frozenNorm: recipe.frozenBn === 'train' ? 'batch' : 'running',
});

/** The whole step of one phase for batches of `n`. */
export const stepGraph = (context: StepContext, phase: Phase, n: number): Graph => trainingGraph(optionsOf(context, phase, n));

/** The same in two, if samples are the same in every epoch and the features of all of them may be kept. */
export function stepParts(context: StepContext, phase: Phase, n: number): Parts {
  const { pictures, length } = context.trainSet;
  if (!pictures || !isDeterministic(pictures.transforms)) return { rest: stepGraph(context, phase, n) };
  const { features, rest } = trainingParts(optionsOf(context, phase, n));
  return features && bankBytes(features, length) <= mostBankBytes ? { features, rest } : { rest: stepGraph(context, phase, n) };
}

/** The optimizer's states before the first step, of all phases. */
export function firstOptimizerState(context: StepContext, phases: readonly Phase[]): StateDict {
  const [n] = batchSizes(context.recipe, context.trainSet);
  return new Map(phases.flatMap((phase) => [...initialOptimizerState(stepGraph(context, phase, n))]));
}

export const inputsOf = (graph: Graph): Set<string> => new Set(graph.values.filter((v) => v.role === 'input').map((v) => v.name));
