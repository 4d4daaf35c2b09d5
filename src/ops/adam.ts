import { NumericError } from '../core/errors.ts';
import { sizeOf } from '../core/shape.ts';
import { attr } from '../graph/attrs.ts';
import { type AccumulateStep, plainKernel, type Ref } from '../graph/lowering.ts';
import { defineOp, none } from '../graph/op.ts';
import { real } from './check.ts';
import { accumulate, gradientScaleInput, scaleOf, slopeOf, updateInputs, updateLowering } from './update.ts';

const betas = {
  beta1: attr.number({ doc: 'Share of the first moment that stays', min: 0, max: 0.999999, default: 0.9 }),
  beta2: attr.number({ doc: 'Share of the second moment that stays', min: 0, max: 0.999999, default: 0.999 }),
};
const attrs = {
  ...betas,
  eps: attr.number({ doc: 'Added to the root of the second moment', min: 1e-30, default: 1e-8 }),
  weightDecay: attr.number({ doc: 'Pull of the parameter towards zero', min: 0, default: 0 }),
};

/** What is the same for all parameters in a step of Adam: the moments begin at zero, and these make up for that. */
export const adamRatesOp = defineOp({
  name: 'adamRates',
  doc: 'Factors of one Adam step t: rate = lr/(1−β1^t) for the first moment, correction = 1/(1−β2^t) for the second.',
  inputs: [
    { name: 'lr', doc: 'Learning rate, a scalar', domain: 'positive' },
    { name: 'step', doc: 'Number t of this step, from 1, a scalar', domain: 'integer' },
  ],
  outputs: ['rate', 'correction'],
  attrs: betas,
  infer: () => [real([]), real([])],
  eval: ({ inputs: [lr, step], outputs: [rate, correction], attrs: { beta1, beta2 } }) => {
    const t = step![0];
    // At 0 both factors are infinite, below they change their sign: one such step ruins every parameter.
    if (!Number.isInteger(t) || t < 1)
      throw new NumericError({
        where: 'step',
        expected: 'a count from 1',
        got: `${t}`,
        hint: 'Feed how many steps the parameters have taken, this one included',
      });
    rate[0] = lr![0] / (1 - beta1 ** t);
    correction[0] = 1 / (1 - beta2 ** t);
  },
  grad: none('an optimizer step is not differentiated'),
  lower: { onednn: plainKernel },
  cost: () => 4,
  traits: {},
  inPlace: {},
  examples: [{ shapes: [[], []] }],
});

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
      { name: 'rate', doc: 'Factor of the first moment, a scalar', domain: 'positive', constant: true },
      { name: 'correction', doc: 'Factor of the second moment, a scalar', domain: 'positive', constant: true },
      { name: 'expAvg', doc: 'First moment m, overwritten; zero before the first step' },
      { name: 'expAvgSq', doc: 'Second moment v, overwritten; zero before the first step', domain: 'positive' },
      gradientScaleInput,
    ],
    outputs: ['parameter', 'expAvg', 'expAvgSq'],
    attrs,
    infer: ({ inputs: [parameter, , , , , expAvg, expAvgSq] }) => [parameter!, expAvg!, expAvgSq!],
    eval: ({ inputs: [, gradient, lr, rate, correction, , , scale], outputs: [parameter, expAvg, expAvgSq], attrs: given }) => {
      const { beta1, beta2, eps, weightDecay } = given;
      update(parameter as Float32Array, gradient as Float32Array, expAvg as Float32Array, expAvgSq as Float32Array, {
        beta1,
        beta2,
        eps,
        rate: rate![0],
        rootScale: Math.sqrt(correction![0]),
        gradientScale: scaleOf(scale),
        decay: decoupled ? 0 : weightDecay,
        keep: decoupled ? 1 - lr![0] * weightDecay : 1,
      });
    },
    grad: none('an optimizer step is not differentiated'),
    lower: {
      onednn: ({ inputs: [parameter, , , , , , , scale], attrs: given }) =>
        updateLowering(parameter!, () => {
          const decay = decoupled ? 0 : given.weightDecay;
          const [slope, made] = slopeOf({ gradient: { in: 1 }, scale: scale && { in: 7 }, decay });
          const pull = accumulate({ out: 0 }, { in: 0 }, { by: { in: 2 }, times: -given.weightDecay });
          return [...made, ...(decoupled && given.weightDecay > 0 ? [pull] : []), ...passes(slope, given)];
        }),
    },
    cost: ({ outputs: [w] }) => 14 * sizeOf(w.shape),
    traits: { elementwise: true },
    inPlace: { 0: 0, 1: 5, 2: 6 },
    examples: [
      { shapes: [[16, 3, 5, 5], [16, 3, 5, 5], [], [], [], [16, 3, 5, 5], [16, 3, 5, 5], null] },
      { shapes: [[10, 17], [10, 17], [], [], [], [10, 17], [10, 17], []], attrs: { weightDecay: 0.1, beta1: 0.8, eps: 1e-6 } },
      { shapes: [[33, 17, 3, 3], [33, 17, 3, 3], [], [], [], [33, 17, 3, 3], [33, 17, 3, 3], null] },
      { shapes: [[70, 70], [70, 70], [], [], [], [70, 70], [70, 70], []], attrs: { weightDecay: 0.1, beta1: 0.8, eps: 0.1 } },
    ],
  });

/** m ← β1·m + (1−β1)·g; v ← β2·v + (1−β2)·g²; w ← w − rate·m / (√(v·correction) + ε) */
function passes(slope: Ref, { beta1, beta2, eps }: { beta1: number; beta2: number; eps: number }): readonly AccumulateStep[] {
  const [w, m, v, moved]: Ref[] = [{ out: 0 }, { out: 1 }, { out: 2 }, { temp: 'moved' }];
  return [
    accumulate(m, slope, { keep: beta1, times: 1 - beta1 }),
    accumulate(v, slope, { keep: beta2, by: slope, times: 1 - beta2 }),
    {
      kind: 'accumulate',
      dst: moved,
      a: v,
      b: { in: 4 },
      through: [{ algorithm: 'sqrt' }, { algorithm: 'linear', alpha: 1, beta: eps }],
    },
    { kind: 'accumulate', dst: moved, a: m, b: moved, algorithm: 'div' },
    accumulate(w, moved, { by: { in: 3 }, times: -1 }),
  ];
}

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
