import { ShapeError } from '../core/errors.ts';
import { formatShape, sizeOf } from '../core/shape.ts';
import type { BatchNormStep } from '../graph/lowering.ts';
import { defineOp, none } from '../graph/op.ts';
import { apply, type Tensor } from '../graph/tensor.ts';
import { batchNormInference } from './batch-norm-inference.ts';
import { epsAttr } from './channel-affine.ts';
import { expectSame, expectShape, integer, real } from './check.ts';
import { activationAttr } from './relu.ts';
import { runningUpdate } from './running-update.ts';

export const batchNormOp = defineOp({
  name: 'batchNorm',
  doc: 'Normalises each channel over the batch: y = act(weight·(x − mean)/√(variance + eps) + bias), variance biased.',
  inputs: [
    { name: 'x', doc: '[N, C, H, W]' },
    { name: 'weight', doc: '[C]' },
    { name: 'bias', doc: '[C]' },
  ],
  outputs: ['y', 'mean', 'variance', 'workspace'],
  attrs: { eps: epsAttr, activation: activationAttr },
  infer: ({ inputs: [x, weight, bias], where }) => {
    expectShape(where, 'x', x!, ['N', 'C', 'H', 'W']);
    const [batch, channels, height, width] = x!.shape;
    expectShape(where, 'weight', weight!, [channels]);
    expectShape(where, 'bias', bias!, [channels]);
    if (batch * height * width < 2)
      throw new ShapeError({
        where,
        expected: 'more than one value per channel in training',
        got: formatShape(x!.shape),
        hint: 'Use a larger batch, or drop the last incomplete one.',
      });
    return [real(x!.shape), real([channels]), real([channels]), integer(x!.shape)];
  },
  eval: ({ inputs, outputs: [y, mean, variance, workspace], inputTypes, attrs }) => {
    const x = inputs[0]!;
    const weight = inputs[1]!;
    const bias = inputs[2]!;
    const [batch, channels, height, width] = inputTypes[0]!.shape;
    const plane = height * width;
    const count = batch * plane;
    const positiveOnly = attrs.activation === 'relu';
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      for (let n = 0; n < batch; n++) for (let i = (n * channels + c) * plane, end = i + plane; i < end; i++) sum += x[i];
      const mu = sum / count;
      let squares = 0;
      for (let n = 0; n < batch; n++)
        for (let i = (n * channels + c) * plane, end = i + plane; i < end; i++) squares += (x[i] - mu) * (x[i] - mu);
      mean[c] = mu;
      variance[c] = squares / count;
      const factor = weight[c] / Math.sqrt(squares / count + attrs.eps);
      const shift = bias[c];
      for (let n = 0; n < batch; n++)
        for (let i = (n * channels + c) * plane, end = i + plane; i < end; i++) {
          const value = (x[i] - mu) * factor + shift;
          const cut = positiveOnly && value <= 0;
          y[i] = cut ? 0 : value;
          if (!cut) workspace[i] = 1;
        }
    }
  },
  grad: ({ inputs: [x, weight, bias], outputs: [, mean, variance, workspace], gradOutputs, attrs }) => {
    const [dy, ...statistics] = gradOutputs;
    if (statistics.some(Boolean))
      throw new ShapeError({ where: 'batchNorm', expected: 'a gradient for y only', got: 'one for its mean or variance' });
    const mask = attrs.activation === 'none' ? undefined : workspace;
    return apply(batchNormGradOp, [dy!, x!, weight!, bias!, mean, variance, mask], attrs);
  },
  lower: {
    onednn: ({ attrs }) => [
      {
        kind: 'batchNorm',
        direction: 'forward',
        epsilon: attrs.eps,
        activation: attrs.activation,
        src: { of: { in: 0 }, layout: 'given' },
        dst: { of: { out: 0 }, layout: { like: { in: 0 } } },
        mean: { of: { out: 1 }, layout: 'plain' },
        variance: { of: { out: 2 }, layout: 'plain' },
        scale: { of: { in: 1 }, layout: 'plain' },
        shift: { of: { in: 2 }, layout: 'plain' },
        workspace: attrs.activation === 'none' ? undefined : { of: { out: 3 } },
      },
    ],
  },
  cost: ({ inputs: [x] }) => 8 * sizeOf(x!.shape),
  traits: { absorbsActivation: true, mixesSamples: true },
  inPlace: {},
  examples: [
    { shapes: [[4, 3, 5, 3], [3], [3]] },
    { shapes: [[2, 17, 3, 4], [17], [17]], attrs: { eps: 1e-3 } },
    { shapes: [[3, 16, 4, 4], [16], [16]], attrs: { activation: 'relu' } },
    { shapes: [[1, 1, 7, 5], [1], [1]], attrs: { activation: 'relu' } },
    { shapes: [[5, 3, 1, 1], [3], [3]] },
  ],
});

export const batchNormGradOp = defineOp({
  name: 'batchNormGrad',
  doc: 'Gradient of batchNorm: dx = weight/σ·(dy − mean(dy) − x̂·mean(dy·x̂)), dWeight = Σ dy·x̂, dBias = Σ dy, with x̂ = (x − mean)/σ.',
  inputs: [
    { name: 'dy', doc: '[N, C, H, W]' },
    { name: 'x', doc: '[N, C, H, W]' },
    { name: 'weight', doc: '[C]' },
    { name: 'bias', doc: '[C]' },
    { name: 'mean', doc: '[C]' },
    { name: 'variance', doc: '[C]' },
    { name: 'workspace', doc: 'What the fused activation let through.', dtype: 'i32', optional: true },
  ],
  outputs: ['dx', 'dWeight', 'dBias'],
  attrs: { eps: epsAttr, activation: activationAttr },
  infer: ({ inputs: [dy, x, weight], attrs, inputs, where }) => {
    expectSame(where, 'x', x!, 'dy', dy!);
    for (const [i, name] of [...(['weight', 'bias', 'mean', 'variance'] as const)].entries())
      expectShape(where, name, inputs[i + 2]!, [x!.shape[1]]);
    if (attrs.activation !== 'none' && !inputs[6])
      throw new ShapeError({ where, expected: 'the workspace of the activation', got: 'nothing' });
    return [real(x!.shape), real(weight!.shape), real(weight!.shape)];
  },
  eval: ({ inputs, outputs: [dx, dWeight, dBias], inputTypes, attrs }) => {
    const dy = inputs[0]!;
    const x = inputs[1]!;
    const weight = inputs[2]!;
    const mean = inputs[4]!;
    const variance = inputs[5]!;
    const mask = inputs[6];
    const [batch, channels, height, width] = inputTypes[1]!.shape;
    const plane = height * width;
    const count = batch * plane;
    for (let c = 0; c < channels; c++) {
      const mu = mean[c];
      const inverse = 1 / Math.sqrt(variance[c] + attrs.eps);
      let sum = 0;
      let product = 0;
      for (let n = 0; n < batch; n++)
        for (let i = (n * channels + c) * plane, end = i + plane; i < end; i++) {
          if (mask && mask[i] === 0) continue;
          sum += dy[i];
          product += dy[i] * (x[i] - mu);
        }
      dBias[c] = sum;
      dWeight[c] = product * inverse;
      const factor = weight[c] * inverse;
      const meanDy = sum / count;
      const slope = (product * inverse * inverse) / count;
      for (let n = 0; n < batch; n++)
        for (let i = (n * channels + c) * plane, end = i + plane; i < end; i++)
          dx[i] = factor * ((mask && mask[i] === 0 ? 0 : dy[i]) - meanDy - (x[i] - mu) * slope);
    }
  },
  grad: none('second derivatives are not supported'),
  lower: {
    onednn: ({ attrs, inputs }) => {
      const step: BatchNormStep = {
        kind: 'batchNorm',
        direction: 'backward',
        epsilon: attrs.eps,
        activation: attrs.activation,
        src: { of: { in: 1 }, layout: 'given' },
        dst: { of: { in: 0 }, layout: { like: { in: 1 } } },
        mean: { of: { in: 4 }, layout: 'plain' },
        variance: { of: { in: 5 }, layout: 'plain' },
        scale: { of: { in: 2 }, layout: 'plain' },
        shift: { of: { in: 3 }, layout: 'plain' },
        workspace: inputs[6] && { of: { in: 6 } },
        diffSrc: { of: { out: 0 }, layout: { like: { in: 1 } } },
        diffScale: { of: { out: 1 }, layout: 'plain' },
        diffShift: { of: { out: 2 }, layout: 'plain' },
      };
      return [step];
    },
  },
  cost: ({ inputs: [, x] }) => 10 * sizeOf(x!.shape),
  traits: {},
  inPlace: {},
  examples: none('covered by the gradient of batchNorm'),
});

/** Normalises by the batch's own statistics, which it returns as well: mean and biased variance `[C]`. See `batchNorm2d`. */
export function batchNorm(x: Tensor, weight: Tensor, bias: Tensor, { eps = 1e-5 }: { eps?: number } = {}) {
  const [y, mean, variance] = apply(batchNormOp, [x, weight, bias], { eps });
  return { y, mean, variance };
}

/** What a batch norm layer owns, each `[C]`: scale, shift, and the running statistics, which have no gradient. */
export interface BatchNormArrays {
  weight: Tensor;
  bias: Tensor;
  runningMean: Tensor;
  runningVar: Tensor;
}

export interface BatchNorm2dOptions {
  /** Default: whether the graph is built for training. */
  training?: boolean;
  momentum?: number;
  eps?: number;
}

/**
 * Batch normalisation: gives every channel mean 0 and variance 1, then scales and shifts it.
 *
 *     y = weight·(x − mean)/√(variance + eps) + bias
 *     training: runningMean ← (1 − momentum)·runningMean + momentum·mean, runningVar likewise with variance·n/(n − 1)
 *
 * In training mean and (biased) variance are those of the batch over N, H and W (n values), and the running ones are updated in place;
 * otherwise they are the running ones.
 *
 * **Shapes**: x `[N, C, H, W]`, the arrays `[C]` → y `[N, C, H, W]`.
 *
 * - `training`: default as the graph is built.
 * - `momentum`: 0 … 1, default 0.1; the weight of the new batch.
 * - `eps`: from 0, default 1e-5.
 *
 * Numerics: the reference makes two passes in f64.
 *
 * **Throws** `ShapeError` if the channels do not fit, or in training if there is one value per channel only.
 *
 * **Source**: Ioffe and Szegedy, "Batch Normalization", 2015; conventions of `torch.nn.BatchNorm2d`.
 *
 * @example const y = batchNorm2d(x, { weight, bias, runningMean, runningVar });
 */
export function batchNorm2d(x: Tensor, arrays: BatchNormArrays, options: BatchNorm2dOptions = {}): Tensor {
  const { training = x.graph.training, momentum = 0.1, eps = 1e-5 } = options;
  const { weight, bias, runningMean, runningVar } = arrays;
  if (!training) return batchNormInference(x, weight, bias, runningMean, runningVar, { eps });
  const { y, mean, variance } = batchNorm(x, weight, bias, { eps });
  runningUpdate(runningMean, runningVar, mean, variance, { momentum, count: x.shape[0] * x.shape[2] * x.shape[3] });
  return y;
}
