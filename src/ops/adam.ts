import { sizeOf } from '../core/shape.ts';
import { attr } from '../graph/attrs.ts';
import { elementwiseKernel } from '../graph/lowering.ts';
import { defineOp, none } from '../graph/op.ts';
import { gradientScaleInput, scaleOf, updateInputs } from './update.ts';

const attrs = {
  beta1: attr.number({ doc: 'Share of the first moment that stays', min: 0, max: 0.999999, default: 0.9 }),
  beta2: attr.number({ doc: 'Share of the second moment that stays', min: 0, max: 0.999999, default: 0.999 }),
  eps: attr.number({ doc: 'Added to the root of the second moment', min: 1e-30, default: 1e-8 }),
  weightDecay: attr.number({ doc: 'Pull of the parameter towards zero', min: 0, default: 0 }),
};

interface Row {
  name: 'adam' | 'adamw';
  doc: string;
  /** Weight decay shrinks the parameter itself instead of joining the gradient. */
  decoupled: boolean;
}

const family = ({ name, doc, decoupled }: Row) =>
  defineOp({
    name,
    doc,
    inputs: [
      ...updateInputs,
      { name: 'step', doc: 'Number of this step, from 1, a scalar', domain: 'positive', constant: true },
      { name: 'expAvg', doc: 'First moment m, overwritten; zero before the first step' },
      { name: 'expAvgSq', doc: 'Second moment v, overwritten; zero before the first step', domain: 'positive' },
      gradientScaleInput,
    ],
    outputs: ['parameter', 'expAvg', 'expAvgSq'],
    attrs,
    infer: ({ inputs: [parameter, , , , expAvg, expAvgSq] }) => [parameter!, expAvg!, expAvgSq!],
    eval: ({ inputs: [, gradient, lr, step, , , scale], outputs: [parameter, expAvg, expAvgSq], attrs: given }) => {
      const { beta1, beta2, eps, weightDecay } = given;
      const bias1 = 1 - beta1 ** step![0];
      const bias2 = 1 - beta2 ** step![0];
      update(parameter as Float32Array, gradient as Float32Array, expAvg as Float32Array, expAvgSq as Float32Array, {
        beta1,
        beta2,
        eps,
        rate: lr![0] / bias1,
        rootScale: 1 / Math.sqrt(bias2),
        gradientScale: scaleOf(scale),
        decay: decoupled ? 0 : weightDecay,
        keep: decoupled ? 1 - lr![0] * weightDecay : 1,
      });
    },
    grad: none('an optimizer step is not differentiated'),
    lower: { onednn: () => elementwiseKernel(0) },
    cost: ({ outputs: [w] }) => 14 * sizeOf(w.shape),
    traits: { elementwise: true },
    inPlace: { 0: 0, 1: 4, 2: 5 },
    examples: [
      { shapes: [[16, 3, 5, 5], [16, 3, 5, 5], [], [], [16, 3, 5, 5], [16, 3, 5, 5], null] },
      { shapes: [[10, 17], [10, 17], [], [], [10, 17], [10, 17], []], attrs: { weightDecay: 0.1, beta1: 0.8, eps: 1e-6 } },
    ],
  });

interface Constants {
  beta1: number;
  beta2: number;
  eps: number;
  rate: number;
  rootScale: number;
  gradientScale: number;
  decay: number;
  keep: number;
}

/** Everything that is the same for all elements arrives computed: this loop is the step's hot path. */
function update(w: Float32Array, g: Float32Array, m: Float32Array, v: Float32Array, constants: Constants): void {
  const { beta1, beta2, eps, rate, rootScale, gradientScale, decay, keep } = constants;
  const fresh1 = 1 - beta1;
  const fresh2 = 1 - beta2;
  for (let i = 0; i < w.length; i++) {
    const slope = gradientScale * g[i] + decay * w[i];
    const first = beta1 * m[i] + fresh1 * slope;
    const second = beta2 * v[i] + fresh2 * slope * slope;
    m[i] = first;
    v[i] = second;
    w[i] = keep * w[i] - (rate * first) / (Math.sqrt(second) * rootScale + eps);
  }
}

/** One step of Adam on one parameter and its moments, in place; `weightDecay` joins the gradient (L2). */
export const adamOp = family({
  name: 'adam',
  doc: 'Adam step in place: g ← g + weightDecay·w; m ← β1·m + (1−β1)·g; v ← β2·v + (1−β2)·g²; w ← w − lr·m̂ / (√v̂ + ε), with m̂ = m/(1−β1^t), v̂ = v/(1−β2^t).',
  decoupled: false,
});

/** One step of AdamW on one parameter and its moments, in place; `weightDecay` shrinks the parameter by itself. */
export const adamwOp = family({
  name: 'adamw',
  doc: 'AdamW step in place: w ← (1 − lr·weightDecay)·w, then as Adam without weight decay.',
  decoupled: true,
});
