import { trainingGraph } from '../compile/step.ts';
import type { StateDict } from '../core/ndarray.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Engine, Program, Store } from '../engine/engine.ts';
import { crossEntropyLoss } from '../nn/losses.ts';
import type { Module } from '../nn/module.ts';
import { initialOptimizerState } from '../optim/attach.ts';
import { optimizerOf, type Recipe } from './recipe.ts';

/** One training step for one batch size. */
export interface StepProgram {
  program: Program;
  /** Names of what it is fed. */
  inputs: ReadonlySet<string>;
}

export interface StepPlan {
  /** By batch size: the usual one and, if the images do not divide evenly, the last of an epoch. */
  programs: ReadonlyMap<number, StepProgram>;
  /** The optimizer's states before the first step. */
  optimizerState: StateDict;
}

/** Plans the step of every batch size an epoch has. */
export async function planSteps(parts: {
  recipe: Recipe;
  module: Module;
  trainSet: Dataset;
  engine: Engine;
  store: Store;
}): Promise<StepPlan> {
  const { recipe, module, trainSet, engine, store } = parts;
  const { length, sampleShape } = trainSet;
  const sizes = [Math.min(recipe.batchSize, length), length % recipe.batchSize].filter((n) => n > 0);
  const programs = new Map<number, StepProgram>();
  let optimizerState: StateDict = new Map();
  for (const n of new Set(sizes)) {
    const graph = trainingGraph({
      module,
      inputShape: [n, ...sampleShape],
      loss: crossEntropyLoss({ labelSmoothing: recipe.labelSmoothing }),
      optimizer: optimizerOf(recipe),
    });
    const inputs = new Set(graph.values.filter((v) => v.role === 'input').map((v) => v.name));
    programs.set(n, { inputs, program: await engine.compile(graph, store) });
    optimizerState = initialOptimizerState(graph);
  }
  return { programs, optimizerState };
}
