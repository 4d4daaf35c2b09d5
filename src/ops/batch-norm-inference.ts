import { sizeOf } from '../core/shape.ts';
import { plainKernel } from '../graph/lowering.ts';
import { defineOp, none } from '../graph/op.ts';
import { apply, type Tensor } from '../graph/tensor.ts';
import { channelScale, channelShift, epsAttr } from './channel-affine.ts';
import { expectSame, expectShape, real } from './check.ts';
import { activate, activationAttr, throughActivation } from './relu.ts';

export const batchNormInferenceOp = defineOp({
  name: 'batchNormInference',
  doc: 'Batch norm with given statistics: y = act(weight·(x − mean)/√(variance + eps) + bias).',
  inputs: [
    { name: 'x', doc: '[N, C, H, W]' },
    { name: 'weight', doc: '[C]' },
    { name: 'bias', doc: '[C]' },
    { name: 'mean', doc: '[C]', constant: true },
    { name: 'variance', doc: '[C]', constant: true, domain: 'positive' },
  ],
  outputs: ['y'],
  attrs: { eps: epsAttr, activation: activationAttr },
  infer: ({ inputs, where }) => {
    expectShape(where, 'x', inputs[0]!, ['N', 'C', 'H', 'W']);
    for (const [i, name] of ['weight', 'bias', 'mean', 'variance'].entries())
      expectShape(where, name, inputs[i + 1]!, [inputs[0]!.shape[1]]);
    return [real(inputs[0]!.shape)];
  },
  eval: ({ inputs, outputs: [y], inputTypes, attrs }) => {
    const x = inputs[0]!;
    const [weight, bias, mean, variance] = inputs.slice(1).map((a) => a!);
    const [batch, channels, height, width] = inputTypes[0]!.shape;
    const plane = height * width;
    for (let row = 0; row < batch * channels; row++) {
      const c = row % channels;
      const factor = weight[c] / Math.sqrt(variance[c] + attrs.eps);
      const mu = mean[c];
      const shift = bias[c];
      for (let i = row * plane, end = i + plane; i < end; i++) y[i] = (x[i] - mu) * factor + shift;
    }
    activate(attrs.activation, y);
  },
  grad: ({ inputs: [x, weight, , mean, variance], outputs: [y], gradOutputs: [dy], needs, attrs }) => {
    const dz = throughActivation(attrs.activation, y, dy!);
    const dx = needs[0] ? channelMul(dz, channelScale(weight!, variance!, attrs.eps)) : undefined;
    const [dWeight, dBias] = needs[1] || needs[2] ? apply(batchNormInferenceGradOp, [dz, x!, mean!, variance!], { eps: attrs.eps }) : [];
    return [dx, dWeight, dBias];
  },
  lower: {
    onednn: ({ attrs }) => [
      {
        kind: 'batchNorm',
        direction: 'inference',
        epsilon: attrs.eps,
        activation: attrs.activation,
        src: { of: { in: 0 }, layout: 'given' },
        dst: { of: { out: 0 }, layout: { like: { in: 0 } } },
        mean: { of: { in: 3 }, layout: 'plain' },
        variance: { of: { in: 4 }, layout: 'plain' },
        scale: { of: { in: 1 }, layout: 'plain' },
        shift: { of: { in: 2 }, layout: 'plain' },
      },
    ],
  },
  cost: ({ inputs: [x] }) => 2 * sizeOf(x!.shape),
  traits: {
    absorbsActivation: true,
    sight: () => 'position',
    channelAffine: ({ inputs: [, weight, bias, mean, variance], attrs }) => {
      const scale = channelScale(weight!, variance!, attrs.eps);
      return { scale, shift: channelShift(bias!, mean!, scale) };
    },
  },
  inPlace: {},
  examples: [
    { shapes: [[2, 3, 5, 3], [3], [3], [3], [3]] },
    { shapes: [[1, 17, 3, 4], [17], [17], [17], [17]], attrs: { eps: 1e-3 } },
    { shapes: [[2, 16, 3, 3], [16], [16], [16], [16]], attrs: { activation: 'relu' } },
    { shapes: [[1, 1, 1, 1], [1], [1], [1], [1]] },
  ],
});

export const batchNormInferenceGradOp = defineOp({
  name: 'batchNormInferenceGrad',
  doc: 'Gradient of batchNormInference for weight and bias: dWeight = Σ dy·(x − mean)/√(variance + eps), dBias = Σ dy.',
  inputs: [
    { name: 'dy', doc: '[N, C, H, W]' },
    { name: 'x', doc: '[N, C, H, W]' },
    { name: 'mean', doc: '[C]' },
    { name: 'variance', doc: '[C]' },
  ],
  outputs: ['dWeight', 'dBias'],
  attrs: { eps: epsAttr },
  infer: ({ inputs: [dy, x, mean, variance], where }) => {
    expectSame(where, 'x', x!, 'dy', dy!);
    expectShape(where, 'mean', mean!, [x!.shape[1]]);
    expectShape(where, 'variance', variance!, [x!.shape[1]]);
    return [real(mean!.shape), real(mean!.shape)];
  },
  eval: ({ inputs, outputs: [dWeight, dBias], inputTypes, attrs }) => {
    const dy = inputs[0]!;
    const x = inputs[1]!;
    const mean = inputs[2]!;
    const variance = inputs[3]!;
    const [batch, channels, height, width] = inputTypes[1]!.shape;
    const plane = height * width;
    for (let c = 0; c < channels; c++) {
      const mu = mean[c];
      let sum = 0;
      let product = 0;
      for (let n = 0; n < batch; n++)
        for (let i = (n * channels + c) * plane, end = i + plane; i < end; i++) {
          sum += dy[i];
          product += dy[i] * (x[i] - mu);
        }
      dBias[c] = sum;
      dWeight[c] = product / Math.sqrt(variance[c] + attrs.eps);
    }
  },
  grad: none('second derivatives are not supported'),
  lower: { onednn: plainKernel },
  cost: ({ inputs: [, x] }) => 4 * sizeOf(x!.shape),
  traits: {},
  inPlace: {},
  examples: none('covered by the gradient of batchNormInference'),
});

export const channelMulOp = defineOp({
  name: 'channelMul',
  doc: 'Scales each channel: y = factor[c]·x.',
  inputs: [
    { name: 'x', doc: '[N, C, H, W]' },
    { name: 'factor', doc: '[C]', constant: true },
  ],
  outputs: ['y'],
  attrs: {},
  infer: ({ inputs: [x, factor], where }) => {
    expectShape(where, 'x', x!, ['N', 'C', 'H', 'W']);
    expectShape(where, 'factor', factor!, [x!.shape[1]]);
    return [real(x!.shape)];
  },
  eval: ({ inputs, outputs: [y], inputTypes }) => {
    const x = inputs[0]!;
    const factor = inputs[1]!;
    const [batch, channels, height, width] = inputTypes[0]!.shape;
    const plane = height * width;
    for (let row = 0; row < batch * channels; row++) {
      const f = factor[row % channels];
      for (let i = row * plane, end = i + plane; i < end; i++) y[i] = x[i] * f;
    }
  },
  grad: ({ inputs: [, factor], gradOutputs: [dy] }) => [channelMul(dy!, factor!)],
  lower: {
    onednn: ({ inputs: [x] }) => [
      {
        kind: 'binary',
        algorithm: 'mul',
        a: { of: { in: 0 }, layout: 'given' },
        b: { of: { in: 1 }, layout: 'plain', dims: [1, x!.shape[1], 1, 1] },
        dst: { of: { out: 0 }, layout: { like: { in: 0 } } },
      },
    ],
  },
  cost: ({ inputs: [x] }) => sizeOf(x!.shape),
  traits: { sight: () => 'position' },
  inPlace: {},
  examples: [{ shapes: [[2, 3, 4, 5], [3]] }, { shapes: [[1, 17, 3, 3], [17]] }],
});

const channelMul = (x: Tensor, factor: Tensor): Tensor => apply(channelMulOp, [x, factor])[0];

/** Normalises by given (running) statistics, all arrays `[C]`: what `batchNorm2d` does outside training. */
export const batchNormInference = (
  x: Tensor,
  weight: Tensor,
  bias: Tensor,
  mean: Tensor,
  variance: Tensor,
  { eps = 1e-5 }: { eps?: number } = {},
): Tensor => apply(batchNormInferenceOp, [x, weight, bias, mean, variance], { eps })[0];
