import { describe, expect, it } from 'vitest';
import { NumericError } from '../core/errors.ts';
import { type AnyOp, type Attrs, completeAttrs, type TensorType } from '../graph/index.ts';
import { adamOp, adamRatesOp, adamwOp } from './adam.ts';
import { clipNormOp } from './clip-norm.ts';
import { sgdMomentumOp, sgdOp } from './sgd.ts';

/** Runs an op in place, as an engine does; the arrays may be longer than their shape, as in padded layouts. */
function run(op: AnyOp, inputs: readonly (Float32Array | undefined)[], given: Attrs = {}, shape = [3]): Float32Array[] {
  const typeOf = (x: Float32Array | undefined): TensorType | undefined => x && { shape: x.length === 1 ? [] : shape, dtype: 'f32' };
  const attrs = completeAttrs(op.attrs, given, op.name);
  const inputTypes = inputs.map(typeOf);
  const outputTypes = op.infer({ inputs: inputTypes, attrs, where: op.name });
  const outputs = outputTypes.map((_, i) => inputs[op.inPlace[i]] ?? new Float32Array(1));
  op.eval({ inputs, outputs, inputTypes, outputTypes, attrs });
  return outputs;
}

const lr = Float32Array.of(0.1);
const parameter = () => Float32Array.of(1, -2, 3);
const gradient = Float32Array.of(0.5, -1, 0.25);

const rates = run(adamRatesOp, [lr, Float32Array.of(1)]);
const nextInputs = (op: AnyOp, length: number) =>
  op.inputs.slice(3, -1).map(({ name }) => (name === 'rate' ? rates[0] : name === 'correction' ? rates[1] : new Float32Array(length)));

describe('updates', () => {
  it('change the parameter in place', () => {
    const w = parameter();
    run(sgdOp, [w, gradient, lr, undefined]);
    expect(w[0]).toBeCloseTo(0.95, 6);
    expect(w[1]).toBeCloseTo(-1.9, 6);
  });

  it('begin momentum with the gradient itself', () => {
    const w = parameter();
    const buffer = new Float32Array(3);
    run(sgdMomentumOp, [w, gradient, lr, buffer, undefined], { momentum: 0.9 });
    expect([...buffer]).toEqual([...gradient]);
    expect(w[0]).toBeCloseTo(0.95, 6);
  });

  it('move by the learning rate in Adam’s first step, whatever the gradient’s size', () => {
    const w = parameter();
    run(adamOp, [w, gradient, lr, ...rates, new Float32Array(3), new Float32Array(3), undefined]);
    for (const [i, moved] of [0.9, -1.9, 2.9].entries()) expect(w[i]).toBeCloseTo(moved, 5);
  });

  it('shrink the parameter itself in AdamW', () => {
    const w = parameter();
    const still = new Float32Array(3);
    run(adamwOp, [w, still, lr, ...rates, new Float32Array(3), new Float32Array(3), undefined], { weightDecay: 0.5 });
    for (const [i, kept] of [0.95, -1.9, 2.85].entries()) expect(w[i]).toBeCloseTo(kept, 6);
  });

  it.each([0, -1, 1.5, Number.NaN, Infinity])('refuse %d as the number of Adam’s step', (step) => {
    const act = () => run(adamRatesOp, [lr, Float32Array.of(step)]);
    expect(act).toThrow(NumericError);
    expect(act).toThrow(`[step] expected a count from 1, got ${step}.`);
  });

  it.each<[AnyOp, Attrs]>([
    [sgdOp, {}],
    [sgdMomentumOp, { momentum: 0.9, nesterov: true }],
    [adamOp, {}],
    [adamwOp, { weightDecay: 0.1 }],
  ])('$name scales the gradient as clipping says', (op, attrs) => {
    const update = (g: Float32Array, scale?: Float32Array): number[] => {
      const states = nextInputs(op, 3);
      return [...run(op, [parameter(), g, lr, ...states, scale], attrs)[0]];
    };
    const halved = update(gradient, Float32Array.of(0.5));
    expect(halved).toEqual(update(gradient.map((g) => g / 2)));
  });

  it.each<AnyOp>([sgdOp, sgdMomentumOp, adamOp, adamwOp])('$name keeps padded lanes zero', (op) => {
    const padded = (values: readonly number[]) => Float32Array.of(...values, 0, 0);
    const states = nextInputs(op, 5);
    const attrs: Attrs = 'momentum' in op.attrs ? { momentum: 0.9, weightDecay: 0.1 } : { weightDecay: 0.1 };
    for (const output of run(op, [padded([1, 2, 3]), padded([4, 5, 6]), lr, ...states, undefined], attrs))
      expect([...output.slice(3)]).toEqual([0, 0]);
  });
});

describe('clipNorm', () => {
  it('shortens to the maximum, and never lengthens', () => {
    const [norm, scale] = run(clipNormOp, [Float32Array.of(3, 0, 0), Float32Array.of(0, 4, 0)], { maxNorm: 1 });
    expect(norm[0]).toBeCloseTo(5, 6);
    expect(scale[0]).toBeCloseTo(0.2, 6);
    expect(run(clipNormOp, [Float32Array.of(3, 0, 0)], { maxNorm: 10 })[1][0]).toBe(1);
  });

  it('is NaN where a gradient is', () => {
    const [norm, scale] = run(clipNormOp, [Float32Array.of(Number.NaN, 0, 0)], { maxNorm: 1 });
    expect([norm[0], scale[0]]).toEqual([Number.NaN, Number.NaN]);
  });
});
