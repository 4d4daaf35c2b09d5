import { sizeOf } from '../core/shape.ts';
import { attr } from '../graph/attrs.ts';
import { elementwiseKernel } from '../graph/lowering.ts';
import { defineOp, none } from '../graph/op.ts';
import { gradientScaleInput, scaleOf, updateInputs } from './update.ts';

const weightDecay = attr.number({ doc: 'Adds this times the parameter to the gradient (L2)', min: 0, default: 0 });

/** One step of stochastic gradient descent on one parameter, in place: w ← w − lr·(g + weightDecay·w). */
export const sgdOp = defineOp({
  name: 'sgd',
  doc: 'Gradient descent step in place: w ← w − lr·(g + weightDecay·w).',
  inputs: [...updateInputs, gradientScaleInput],
  outputs: ['parameter'],
  attrs: { weightDecay },
  infer: ({ inputs: [parameter] }) => [parameter!],
  eval: ({ inputs: [, gradient, lr, scale], outputs: [parameter], attrs }) =>
    step(parameter as Float32Array, gradient as Float32Array, lr![0], scaleOf(scale), attrs.weightDecay),
  grad: none('an optimizer step is not differentiated'),
  lower: { onednn: () => elementwiseKernel(0) },
  cost: ({ outputs: [w] }) => 4 * sizeOf(w.shape),
  traits: { elementwise: true },
  inPlace: { 0: 0 },
  examples: [{ shapes: [[16, 3, 5, 5], [16, 3, 5, 5], [], null] }, { shapes: [[10, 17], [10, 17], [], []], attrs: { weightDecay: 0.1 } }],
});

function step(w: Float32Array, g: Float32Array, lr: number, scale: number, decay: number): void {
  for (let i = 0; i < w.length; i++) w[i] -= lr * (scale * g[i] + decay * w[i]);
}

/** One step of gradient descent with momentum on one parameter and its buffer, in place. */
export const sgdMomentumOp = defineOp({
  name: 'sgdMomentum',
  doc: 'Gradient descent step with momentum in place: d = g + weightDecay·w; b ← momentum·b + d; w ← w − lr·b, or with nesterov w − lr·(d + momentum·b).',
  inputs: [...updateInputs, { name: 'momentumBuffer', doc: 'Running sum b of gradients; zero before the first step' }, gradientScaleInput],
  outputs: ['parameter', 'momentumBuffer'],
  attrs: {
    weightDecay,
    momentum: attr.number({ doc: 'Share of the buffer that stays', min: 0, max: 1 }),
    nesterov: attr.flag({ doc: 'Look one momentum step ahead', default: false }),
  },
  infer: ({ inputs: [parameter, , , buffer] }) => [parameter!, buffer!],
  eval: ({ inputs: [, gradient, lr, , scale], outputs: [parameter, buffer], attrs }) =>
    (attrs.nesterov ? nesterovStep : momentumStep)(
      parameter as Float32Array,
      buffer as Float32Array,
      gradient as Float32Array,
      lr![0],
      scaleOf(scale),
      attrs.weightDecay,
      attrs.momentum,
    ),
  grad: none('an optimizer step is not differentiated'),
  lower: { onednn: () => elementwiseKernel(0) },
  cost: ({ outputs: [w] }) => 6 * sizeOf(w.shape),
  traits: { elementwise: true },
  inPlace: { 0: 0, 1: 3 },
  examples: [
    { shapes: [[16, 3, 5, 5], [16, 3, 5, 5], [], [16, 3, 5, 5], null], attrs: { momentum: 0.9 } },
    { shapes: [[10, 17], [10, 17], [], [10, 17], []], attrs: { momentum: 0.9, nesterov: true, weightDecay: 0.1 } },
  ],
});

type MomentumStep = (w: Float32Array, b: Float32Array, g: Float32Array, lr: number, scale: number, decay: number, momentum: number) => void;

const momentumStep: MomentumStep = (w, b, g, lr, scale, decay, momentum) => {
  const one = (i: number) => {
    const velocity = momentum * b[i] + scale * g[i] + decay * w[i];
    b[i] = velocity;
    w[i] -= lr * velocity;
  };
  // By fours: the loop's own checks cost a third of the time. The update of a network runs here at every step.
  const fours = w.length & ~3;
  for (let i = 0; i < fours; i += 4) {
    one(i);
    one(i + 1);
    one(i + 2);
    one(i + 3);
  }
  for (let i = fours; i < w.length; i++) one(i);
};

const nesterovStep: MomentumStep = (w, b, g, lr, scale, decay, momentum) => {
  for (let i = 0; i < w.length; i++) {
    const slope = scale * g[i] + decay * w[i];
    const velocity = momentum * b[i] + slope;
    b[i] = velocity;
    w[i] -= lr * (slope + momentum * velocity);
  }
};
