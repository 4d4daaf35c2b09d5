import type { EngineInfo } from '../engine/engine.ts';
import type { CheckpointMetadata } from './checkpoint.ts';
import type { Learner } from './learner.ts';
import type { Progress } from './progress.ts';
import type { Recipe } from './recipe.ts';
import type { TrainOptions } from './train-options.ts';

/** What a checkpoint says of a run beside its numbers: enough to go on, and to use the network without anything else. */
export function describeRun({
  recipe,
  learner,
  options: { trainSet, testSet, names },
  engine,
  progress,
}: {
  recipe: Recipe;
  learner: Learner;
  options: TrainOptions;
  engine: EngineInfo;
  progress: Progress;
}): CheckpointMetadata {
  const { name, version, isa, threads } = engine;
  return {
    version: 1,
    model: recipe.model,
    options: learner.options,
    classes: [...trainSet.classes],
    names: names && [...names],
    sampleShape: [...trainSet.sampleShape],
    preprocessing: testSet.pictures && [...testSet.pictures.transforms],
    trainImages: trainSet.length,
    testImages: testSet.length,
    engine: { name, version, isa, threads },
    recipe,
    progress,
  };
}
