import { sizeOf } from '../core/shape.ts';
import { attr } from '../graph/attrs.ts';
import { defineOp, none } from '../graph/op.ts';
import { accumulate, gradientScaleInput, scaleOf, slopeOf, updateInputs, updateLowering } from './update.ts';

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
  lower: {
    onednn: ({ inputs: [parameter, , , scale], attrs }) =>
      updateLowering(parameter!, () => {
        const [slope, passes] = slopeOf({ gradient: { in: 1 }, scale: scale && { in: 3 }, decay: attrs.weightDecay });
        return [...passes, accumulate({ out: 0 }, slope, { by: { in: 2 }, times: -1 })];
      }),
  },
  cost: ({ outputs: [w] }) => 4 * sizeOf(w.shape),
  traits: { elementwise: true },
  inPlace: { 0: 0 },
  examples: [
    { shapes: [[16, 3, 5, 5], [16, 3, 5, 5], [], null] },
    { shapes: [[10, 17], [10, 17], [], []], attrs: { weightDecay: 0.1 } },
    { shapes: [[33, 17, 3, 3], [33, 17, 3, 3], [], null] },
    { shapes: [[70, 70], [70, 70], [], []], attrs: { weightDecay: 0.1 } },
  ],
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
  lower: {
    onednn: ({ inputs: [parameter, , , , scale], attrs: { weightDecay: decay, momentum, nesterov } }) =>
      updateLowering(parameter!, () => {
        const [slope, passes] = slopeOf({ gradient: { in: 1 }, scale: scale && { in: 4 }, decay });
        const velocity = { out: 1 };
        const descend = { by: { in: 2 }, times: -1 };
        passes.push(accumulate(velocity, slope, { keep: momentum }));
        if (!nesterov) return [...passes, accumulate({ out: 0 }, velocity, descend)];
        return [...passes, accumulate({ out: 0 }, slope, descend), accumulate({ out: 0 }, velocity, { ...descend, times: -momentum })];
      }),
  },
  cost: ({ outputs: [w] }) => 6 * sizeOf(w.shape),
  traits: { elementwise: true },
  inPlace: { 0: 0, 1: 3 },
  examples: [
    { shapes: [[16, 3, 5, 5], [16, 3, 5, 5], [], [16, 3, 5, 5], null], attrs: { momentum: 0.9 } },
    { shapes: [[10, 17], [10, 17], [], [10, 17], []], attrs: { momentum: 0.9, nesterov: true, weightDecay: 0.1 } },
    { shapes: [[33, 17, 3, 3], [33, 17, 3, 3], [], [33, 17, 3, 3], null], attrs: { momentum: 0.9 } },
    { shapes: [[70, 70], [70, 70], [], [70, 70], []], attrs: { momentum: 0.9, nesterov: true, weightDecay: 0.1 } },
  ],
});

type MomentumStep = (w: Float32Array, b: Float32Array, g: Float32Array, lr: number, scale: number, decay: number, momentum: number) => void;

const momentumStep: MomentumStep = (w, b, g, lr, scale, decay, momentum) => {
  for (let i = 0; i < w.length; i++) {
    const velocity = momentum * b[i] + scale * g[i] + decay * w[i];
    b[i] = velocity;
    w[i] -= lr * velocity;
  }
};

const nesterovStep: MomentumStep = (w, b, g, lr, scale, decay, momentum) => {
  for (let i = 0; i < w.length; i++) {
    const slope = scale * g[i] + decay * w[i];
    const velocity = momentum * b[i] + slope;
    b[i] = velocity;
    w[i] -= lr * (slope + momentum * velocity);
  }
};
