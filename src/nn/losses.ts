import type { Tensor } from '../graph/tensor.ts';
import {
  type CrossEntropyOptions,
  crossEntropy,
  type HingeOptions,
  mseLoss,
  multiClassHinge,
  type NllLossOptions,
  nllLoss,
} from '../ops/index.ts';

/** What training minimises: the network's result and the targets in, a scalar out. */
export type Loss = (logits: Tensor, target: Tensor) => Tensor;

/**
 * `crossEntropy` as a loss with its options set.
 *
 * **Shapes**: logits `[N,C]`, target i32 `[N]`; loss `[]`.
 *
 * @example const loss = crossEntropyLoss({ labelSmoothing: 0.1 });
 */
export const crossEntropyLoss =
  (options: CrossEntropyOptions = {}): Loss =>
  (logits, target) =>
    crossEntropy(logits, target, options).loss;

/**
 * `nllLoss` with its options set, for networks that end in `logSoftmax`.
 *
 * **Shapes**: log-probabilities `[N,C]`, target i32 `[N]`; loss `[]`.
 *
 * @example const loss = negativeLogLikelihoodLoss();
 */
export const negativeLogLikelihoodLoss =
  (options: NllLossOptions = {}): Loss =>
  (logProbabilities, target) =>
    nllLoss(logProbabilities, target, options);

/**
 * `multiClassHinge` with its options set: the loss of the course's linear classifier.
 *
 * **Shapes**: scores `[N,C]`, target i32 `[N]`; loss `[]`.
 *
 * @example const loss = hingeLoss({ margin: 1 });
 */
export const hingeLoss =
  (options: HingeOptions = {}): Loss =>
  (scores, target) =>
    multiClassHinge(scores, target, options);

/**
 * `mseLoss` as a loss: targets are real numbers of the result's shape, not class indices, so a graph needs their type as `target`.
 *
 * **Shapes**: prediction and target of one shape; loss `[]`.
 *
 * @example trainingGraph({ module, inputShape, loss: meanSquaredErrorLoss(), target: { shape: [64, 10], dtype: 'f32' }, optimizer });
 */
export const meanSquaredErrorLoss = (): Loss => mseLoss;
