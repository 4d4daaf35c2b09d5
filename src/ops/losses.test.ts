import { describe, expect, it } from 'vitest';
import type { NumberArray, Shape } from '../core/index.ts';
import { type AnyOp, type Attrs, completeAttrs, GraphBuilder, type TensorType } from '../graph/index.ts';
import { crossEntropy, crossEntropyOp } from './cross-entropy.ts';
import { multiClassHingeGradOp, multiClassHingeOp } from './hinge.ts';
import { l2PenaltyOp } from './l2-penalty.ts';
import { mseLoss } from './mse.ts';
import { nllLossOp } from './nll.ts';
import { logSoftmaxOp, softmaxOp } from './softmax.ts';

type Fed = readonly [NumberArray, Shape];
const real = (values: readonly number[], shape: Shape = [values.length]): Fed => [Float64Array.from(values), shape];
const whole = (values: readonly number[]): Fed => [Int32Array.from(values), [values.length]];

function evaluate(op: AnyOp, fed: readonly Fed[], given: Attrs = {}): Float64Array[] {
  const inputTypes = fed.map(([data, shape]): TensorType => ({ shape, dtype: data instanceof Int32Array ? 'i32' : 'f32' }));
  const attrs = completeAttrs(op.attrs, given, op.name);
  const outputTypes = op.infer({ inputs: inputTypes, attrs, where: op.name });
  const outputs = outputTypes.map(({ shape }) => new Float64Array(shape.reduce((a, b) => a * b, 1)));
  op.eval({ inputs: fed.map(([data]) => data), outputs, inputTypes, outputTypes, attrs });
  return outputs;
}

describe('softmax and logSoftmax', () => {
  it('stay finite for large scores', () => {
    const [y] = evaluate(softmaxOp, [real([1000, 1000, -1000], [1, 3])]);
    expect([...y]).toEqual([0.5, 0.5, 0]);
    const [logs] = evaluate(logSoftmaxOp, [real([1000, 1000, -1000], [1, 3])]);
    expect(logs[0]).toBeCloseTo(-Math.LN2, 12);
    expect(logs[2]).toBeCloseTo(-2000 - Math.LN2, 9);
  });

  it('run along axis 1 of pictures', () => {
    const [y] = evaluate(softmaxOp, [real([0, 5, 0, 5], [1, 2, 1, 2])]);
    expect([...y]).toEqual([0.5, 0.5, 0.5, 0.5]);
  });

  it('turn a NaN into NaN on its line only', () => {
    const [y] = evaluate(softmaxOp, [real([Number.NaN, 1, 1, 1], [2, 2])]);
    expect([...y]).toEqual([Number.NaN, Number.NaN, 0.5, 0.5]);
  });
});

describe('crossEntropy', () => {
  it('is the natural logarithm: the course’s cat costs 2.04, not 0.89', () => {
    const [loss, p] = evaluate(crossEntropyOp, [real([3.2, 5.1, -1.7], [1, 3]), whole([0])]);
    expect(p[0]).toBeCloseTo(0.13, 2);
    expect(loss[0]).toBeCloseTo(2.04, 2);
  });

  it('is log C where all scores are equal', () => {
    expect(evaluate(crossEntropyOp, [real(new Array(20).fill(7), [2, 10]), whole([3, 4])])[0][0]).toBeCloseTo(Math.log(10), 12);
  });

  it('is NaN where a score is', () => {
    expect(evaluate(crossEntropyOp, [real([Number.NaN, 0], [1, 2]), whole([1])])[0][0]).toBeNaN();
  });

  it.each([10, -1])('refuses target %i of 10 classes, naming the row', (target) => {
    const run = () => evaluate(crossEntropyOp, [real(new Array(20).fill(0), [2, 10]), whole([1, target])]);
    expect(run).toThrow(`[crossEntropy] expected targets from 0 to 9, got ${target} in row 1`);
  });

  it('refuses a batch in which no row counts', () => {
    expect(() => evaluate(crossEntropyOp, [real([1, 2], [1, 2]), whole([-100])])).toThrow('at least one row');
  });

  it('refuses shapes and weights that do not fit, naming the module', () => {
    const graph = new GraphBuilder();
    const logits = graph.input('x', [4, 10]);
    const target = graph.input('target', [4], 'i32');
    expect(() => graph.scope('head', () => crossEntropy(logits, graph.input('t3', [3], 'i32')))).toThrow('[crossEntropy @ head]');
    expect(() => crossEntropy(logits, target, { classWeights: [1, 2] })).toThrow('10 class weights');
    expect(() => crossEntropy(logits, target, { labelSmoothing: 2 })).toThrow('labelSmoothing = a number from 0 to 1');
    expect(() => crossEntropy(graph.input('picture', [4, 10, 2, 2]), target)).toThrow('scores [N,C]');
  });
});

describe('nllLoss', () => {
  it('refuses a target that is no class', () => {
    expect(() => evaluate(nllLossOp, [real([0, 0], [1, 2]), whole([2])])).toThrow('2 in row 0');
  });
});

describe('multiClassHinge', () => {
  const scores = real([3.2, 5.1, -1.7, 1.3, 4.9, 2.0, 2.2, 2.5, -3.1], [3, 3]);
  const target = whole([0, 1, 2]);

  it('is the course’s example: 2.9, 0 and 12.9', () => {
    expect(evaluate(multiClassHingeOp, [scores, target])[0][0]).toBeCloseTo((2.9 + 0 + 12.9) / 3, 9);
    expect(evaluate(multiClassHingeOp, [scores, target], { perClass: true })[0][0]).toBeCloseTo((2.9 + 0 + 12.9) / 9, 9);
  });

  it('has gradient 0 exactly at the margin', () => {
    const [ds] = evaluate(multiClassHingeGradOp, [real([2, 1, 1.5], [1, 3]), whole([0]), real([1], [])]);
    expect([...ds]).toEqual([-1, 0, 1]);
  });

  it('refuses a target that is no class', () => {
    expect(() => evaluate(multiClassHingeOp, [scores, whole([0, 1, 3])])).toThrow('3 in row 2');
  });
});

describe('l2Penalty', () => {
  it('sums over all parameters', () => {
    expect(evaluate(l2PenaltyOp, [real([1, 2]), real([3], [1, 1])], { factor: 0.5 })[0][0]).toBeCloseTo(7, 12);
  });
});

describe('mseLoss', () => {
  it('does not broadcast', () => {
    const graph = new GraphBuilder();
    expect(() => mseLoss(graph.input('a', [4, 1]), graph.input('b', [4]))).toThrow('[4,1]');
  });
});
