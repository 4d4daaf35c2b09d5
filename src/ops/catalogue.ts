import type { AnyOp, Catalogue } from '../graph/op.ts';
import { adamOp, adamRatesOp, adamwOp } from './adam.ts';
import { adaptiveAvgPool2dGradOp, adaptiveAvgPool2dOp } from './adaptive-avg-pool2d.ts';
import { addOp, mulOp, scaleOp } from './arithmetic.ts';
import { avgPool2dGradOp, avgPool2dOp } from './avg-pool2d.ts';
import { batchNormInferenceGradOp, batchNormInferenceOp, channelMulOp } from './batch-norm-inference.ts';
import { batchNormGradOp, batchNormOp } from './batch-norm2d.ts';
import { channelScaleOp, channelShiftOp, foldBiasOp, scaleRowsOp } from './channel-affine.ts';
import { clipNormOp } from './clip-norm.ts';
import { concatOp, sliceOp, zeroPadOp } from './concat.ts';
import { conv2dGradInputOp, conv2dGradWeightOp, conv2dOp } from './conv2d.ts';
import { crossEntropyGradOp, crossEntropyOp } from './cross-entropy.ts';
import { dropoutOp } from './dropout.ts';
import { fillOp } from './fill.ts';
import { multiClassHingeGradOp, multiClassHingeOp } from './hinge.ts';
import { l2PenaltyGradOp, l2PenaltyOp } from './l2-penalty.ts';
import { linearGradInputOp, linearGradWeightOp, linearOp } from './linear.ts';
import { maxPool2dGradOp, maxPool2dOp } from './max-pool2d.ts';
import { mseLossGradOp, mseLossOp } from './mse.ts';
import { nllLossGradOp, nllLossOp } from './nll.ts';
import { reluGradOp, reluOp } from './relu.ts';
import { flattenOp, reshapeOp } from './reshape.ts';
import { runningUpdateOp } from './running-update.ts';
import { sgdMomentumOp, sgdOp } from './sgd.ts';
import { logSoftmaxGradOp, logSoftmaxOp, softmaxGradOp, softmaxOp } from './softmax.ts';

const records: readonly AnyOp[] = [
  conv2dOp,
  conv2dGradInputOp,
  conv2dGradWeightOp,
  linearOp,
  linearGradInputOp,
  linearGradWeightOp,
  maxPool2dOp,
  maxPool2dGradOp,
  avgPool2dOp,
  avgPool2dGradOp,
  adaptiveAvgPool2dOp,
  adaptiveAvgPool2dGradOp,
  batchNormOp,
  batchNormGradOp,
  runningUpdateOp,
  batchNormInferenceOp,
  batchNormInferenceGradOp,
  channelMulOp,
  channelScaleOp,
  channelShiftOp,
  foldBiasOp,
  scaleRowsOp,
  reluOp,
  reluGradOp,
  addOp,
  mulOp,
  scaleOp,
  concatOp,
  sliceOp,
  zeroPadOp,
  reshapeOp,
  flattenOp,
  fillOp,
  dropoutOp,
  softmaxOp,
  softmaxGradOp,
  logSoftmaxOp,
  logSoftmaxGradOp,
  nllLossOp,
  nllLossGradOp,
  crossEntropyOp,
  crossEntropyGradOp,
  multiClassHingeOp,
  multiClassHingeGradOp,
  mseLossOp,
  mseLossGradOp,
  l2PenaltyOp,
  l2PenaltyGradOp,
  clipNormOp,
  sgdOp,
  sgdMomentumOp,
  adamRatesOp,
  adamOp,
  adamwOp,
];

/** Every op, by name. */
export const catalogue: Catalogue = new Map(records.map((record) => [record.name, record]));
