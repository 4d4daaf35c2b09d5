/**
 * Everything a program needs to define, train, evaluate, keep and use a network. The subpaths (`fovea/ops`, `fovea/graph`, …) have the rest.
 *
 * @module
 */

export * from './classic/index.ts';
export { evaluationGraph, trainingGraph } from './compile/index.ts';
export * from './core/index.ts';
export * from './data/index.ts';
export * from './engine/index.ts';
export * from './explain/index.ts';
export { readSafetensors, writeSafetensors } from './formats/index.ts';
export type { Tensor } from './graph/tensor.ts';
export { createModel, defineModel, initializeModel, listModels, type ModelOptions, type ModelSpec } from './models/index.ts';
export * from './nn/index.ts';
export {
  adaptiveAvgPool2d,
  add,
  avgPool2d,
  batchNorm2d,
  concat,
  conv2d,
  crossEntropy,
  dropout,
  flatten,
  l2Penalty,
  linear,
  logSoftmax,
  maxPool2d,
  mseLoss,
  mul,
  multiClassHinge,
  nllLoss,
  relu,
  reshape,
  scale,
  slice,
  softmax,
} from './ops/index.ts';
export type { OptimizerSpec, ScheduleSpec } from './optim/index.ts';
export * from './report/index.ts';
export * from './search/index.ts';
export * from './train/index.ts';
