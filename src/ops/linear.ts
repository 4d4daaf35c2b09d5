import { ShapeError } from '../core/errors.ts';
import { formatShape, type Shape, sizeOf } from '../core/shape.ts';
import { attr } from '../graph/attrs.ts';
import { defineOp, none } from '../graph/op.ts';
import { apply, type Tensor } from '../graph/tensor.ts';
import { expectShape, real } from './check.ts';
import { activate, activationAttr, throughActivation } from './relu.ts';

/** Primitives see a picture with its axes, as it lies, and one of a single pixel as a row: matrix products have the faster layouts. */
const seenAs = (x: Shape): Shape => (sizeOf(x.slice(2)) === 1 ? x.slice(0, 2) : x);
/** … and the weights with the axes of x: `[O, C·H·W]` as `[O, C, H, W]`. */
const weightDims = (weight: Shape, x: Shape): Shape => [weight[0], ...seenAs(x).slice(1)];

export const linearOp = defineOp({
  name: 'linear',
  doc: 'Weighted sums of all features of a sample: y = act(x·weightᵀ + bias).',
  inputs: [
    { name: 'x', doc: '[N, C], or [N, …] read as if flattened' },
    { name: 'weight', doc: '[O, C]' },
    { name: 'bias', doc: '[O]', optional: true },
  ],
  outputs: ['y'],
  attrs: { activation: activationAttr },
  infer: ({ inputs: [x, weight, bias], where }) => {
    expectShape(where, 'weight', weight!, ['O', 'C']);
    const [outputs, features] = weight!.shape;
    const { shape } = x!;
    if (shape.length < 2 || shape.length > 5 || sizeOf(shape.slice(1)) !== features)
      throw new ShapeError({
        where,
        expected: `${features} features per sample (weight ${formatShape(weight!.shape)})`,
        got: formatShape(shape),
      });
    if (bias) expectShape(where, 'bias', bias, [outputs]);
    return [real([shape[0], outputs])];
  },
  eval: ({ inputs, outputs: [y], inputTypes, attrs }) => {
    const x = Float64Array.from(inputs[0]!);
    const weight = Float64Array.from(inputs[1]!);
    const bias = inputs[2];
    const [outputs, features] = inputTypes[1]!.shape;
    const batch = inputTypes[0]!.shape[0];
    for (let n = 0; n < batch; n++)
      for (let o = 0; o < outputs; o++) y[n * outputs + o] = dot(x, n * features, weight, o * features, features) + (bias ? bias[o] : 0);
    activate(attrs.activation, y);
  },
  grad: ({ inputs: [x, weight], outputs: [y], gradOutputs: [dy], needs, attrs }) => {
    const dz = throughActivation(attrs.activation, y, dy!);
    const dx = needs[0] ? apply(linearGradInputOp, [dz, weight!], { inputShape: x!.shape })[0] : undefined;
    const [dWeight, dBias] = needs[1] || needs[2] ? apply(linearGradWeightOp, [x!, dz], { withBias: needs[2] === true }) : [];
    return [dx, dWeight, dBias];
  },
  lower: {
    onednn: ({ inputs: [x, weight, bias], attrs }) => [
      {
        kind: 'innerProduct',
        direction: 'forward',
        // Blocked pictures are taken as they lie: the weights are laid out to match.
        src: { of: { in: 0 }, layout: 'given', dims: seenAs(x!.shape) },
        weights: { of: { in: 1 }, dims: weightDims(weight!.shape, x!.shape) },
        bias: bias && { of: { in: 2 } },
        dst: { of: { out: 0 } },
        activation: attrs.activation,
      },
    ],
  },
  cost: ({ inputs: [x, weight] }) => 2 * x!.shape[0] * sizeOf(weight!.shape),
  traits: { absorbsActivation: true, absorbsFlatten: 0, channelWeights: { weight: 1, bias: 2 }, sight: () => 'picture' },
  inPlace: {},
  examples: [
    { shapes: [[3, 5], [4, 5], [4]] },
    {
      shapes: [
        [1, 17],
        [3, 17],
      ],
    },
    { shapes: [[5, 16], [17, 16], [17]], attrs: { activation: 'relu' } },
    { shapes: [[3, 17, 2, 3], [5, 102], [5]] },
    { shapes: [[2, 16, 3, 3], [10, 144], [10]] },
    { shapes: [[7, 1], [1, 1], [1]] },
  ],
});

export const linearGradInputOp = defineOp({
  name: 'linearGradInput',
  doc: 'Gradient of linear for its input: dx = dy·weight.',
  inputs: [
    { name: 'dy', doc: '[N, O]' },
    { name: 'weight', doc: '[O, C]' },
  ],
  outputs: ['dx'],
  attrs: { inputShape: attr.ints({ doc: 'Shape of the forward op’s input.', min: 1 }) },
  infer: ({ inputs: [dy, weight], attrs, where }) => {
    expectShape(where, 'dy', dy!, [attrs.inputShape[0], weight!.shape[0]]);
    expectShape(where, 'weight', weight!, ['O', sizeOf(attrs.inputShape.slice(1))]);
    return [real(attrs.inputShape)];
  },
  eval: ({ inputs, outputs: [dx], inputTypes }) => {
    const dy = inputs[0]!;
    const weight = Float64Array.from(inputs[1]!);
    const [outputs, features] = inputTypes[1]!.shape;
    const sum = new Float64Array(features);
    for (let n = 0; n < inputTypes[0]!.shape[0]; n++) {
      sum.fill(0);
      for (let o = 0; o < outputs; o++) addScaled(sum, dy[n * outputs + o], weight, o * features);
      dx.set(sum, n * features);
    }
  },
  grad: none('second derivatives are not supported'),
  lower: {
    onednn: ({ inputs: [, weight], attrs }) => [
      {
        kind: 'innerProduct',
        direction: 'backwardData',
        src: { of: { out: 0 }, dims: seenAs(attrs.inputShape) },
        weights: { of: { in: 1 }, dims: weightDims(weight!.shape, attrs.inputShape) },
        dst: { of: { in: 0 } },
      },
    ],
  },
  cost: ({ inputs: [dy, weight] }) => 2 * dy!.shape[0] * sizeOf(weight!.shape),
  traits: {},
  inPlace: {},
  examples: none('covered by the gradient of linear'),
});

export const linearGradWeightOp = defineOp({
  name: 'linearGradWeight',
  doc: 'Gradient of linear for its weight and bias: dWeight = dyᵀ·x, dBias = Σ dy.',
  inputs: [
    { name: 'x', doc: '[N, C], or [N, …]' },
    { name: 'dy', doc: '[N, O]' },
  ],
  outputs: ['dWeight', 'dBias'],
  attrs: { withBias: attr.flag({ doc: 'Whether dBias is made.' }) },
  infer: ({ inputs: [x, dy], attrs, where }) => {
    expectShape(where, 'dy', dy!, [x!.shape[0], 'O']);
    const outputs = dy!.shape[1];
    return [real([outputs, sizeOf(x!.shape.slice(1))]), ...(attrs.withBias ? [real([outputs])] : [])];
  },
  eval: ({ inputs, outputs: [dWeight, dBias], inputTypes }) => {
    const x = Float64Array.from(inputs[0]!);
    const dy = inputs[1]!;
    const [batch, outputs] = inputTypes[1]!.shape;
    const features = dWeight.length / outputs;
    const sum = new Float64Array(features);
    for (let o = 0; o < outputs; o++) {
      sum.fill(0);
      let total = 0;
      for (let n = 0; n < batch; n++) {
        addScaled(sum, dy[n * outputs + o], x, n * features);
        total += dy[n * outputs + o];
      }
      dWeight.set(sum, o * features);
      if (dBias) dBias[o] = total;
    }
  },
  grad: none('second derivatives are not supported'),
  lower: {
    onednn: ({ inputs: [x], outputs: [dWeight], attrs }) => [
      {
        kind: 'innerProduct',
        direction: 'backwardWeights',
        src: { of: { in: 0 }, layout: 'given', dims: seenAs(x!.shape) },
        weights: { of: { out: 0 }, dims: weightDims(dWeight.shape, x!.shape) },
        bias: attrs.withBias ? { of: { out: 1 } } : undefined,
        dst: { of: { in: 1 } },
      },
    ],
  },
  cost: ({ inputs: [x, dy] }) => 2 * sizeOf(x!.shape) * dy!.shape[1],
  traits: {},
  inPlace: {},
  examples: none('covered by the gradient of linear'),
});

function dot(a: Float64Array, aBase: number, b: Float64Array, bBase: number, length: number): number {
  let even = 0;
  let odd = 0;
  let i = 0;
  for (; i + 1 < length; i += 2) {
    even += a[aBase + i] * b[bBase + i];
    odd += a[aBase + i + 1] * b[bBase + i + 1];
  }
  return i < length ? even + odd + a[aBase + i] * b[bBase + i] : even + odd;
}

function addScaled(sum: Float64Array, factor: number, row: Float64Array, base: number): void {
  for (let i = 0; i < sum.length; i++) sum[i] += factor * row[base + i];
}

/**
 * Fully connected layer: every output is a weighted sum of all features of a sample.
 *
 *     y[n,o] = Σ_c x[n,c] · weight[o,c] + bias[o]
 *
 * **Shapes**: x `[N, C]`, weight `[O, C]`, bias `[O]` → y `[N, O]`. x may also be `[N, C, H, W]` with weight `[O, C·H·W]`: it is read
 * as if flattened.
 *
 * Numerics: the reference accumulates in f64, oneDNN in f32.
 *
 * **Throws** `ShapeError` if the number of features does not fit.
 *
 * **Source**: PyTorch, `torch.nn.functional.linear`, which instead keeps axes between the first and the last.
 *
 * @example const scores = linear(features, weight, bias); // [64,1568], [10,1568] → [64,10]
 */
export const linear = (x: Tensor, weight: Tensor, bias?: Tensor): Tensor => apply(linearOp, [x, weight, bias])[0];
