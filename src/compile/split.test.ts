import { describe, expect, it } from 'vitest';
import type { NumberArray } from '../core/ndarray.ts';
import { Rng } from '../core/rng.ts';
import { sizeOf } from '../core/shape.ts';
import { evaluate } from '../engine/reference/evaluate.ts';
import type { Graph } from '../graph/graph.ts';
import { printGraph } from '../graph/print.ts';
import type { Tensor } from '../graph/tensor.ts';
import { BatchNorm2d, Conv2d, crossEntropyLoss, Dropout, initialState, Linear, Module } from '../nn/index.ts';
import { add, flatten, relu } from '../ops/index.ts';
import { evaluationParts, trainingGraph, trainingParts } from './step.ts';

class Net extends Module {
  conv1 = new Conv2d(3, 8, 3, { padding: 1, bias: false });
  bn1 = new BatchNorm2d(8);
  conv2 = new Conv2d(8, 8, 3, { padding: 1 });
  drop = new Dropout(0.5);
  out = new Linear(8 * 4 * 4, 5);
  forward(x: Tensor): Tensor {
    const h = relu(this.bn1.forward(this.conv1.forward(x)));
    return this.out.forward(this.drop.forward(flatten(relu(add(this.conv2.forward(h), h)))));
  }
}

const inputShape = [2, 3, 4, 4];
const module = new Net();
const base = { module, inputShape, loss: crossEntropyLoss(), optimizer: { kind: 'sgd' } as const, capture: ['out'] };
const ops = (graph: Graph | undefined) => graph?.nodes.map(({ op }) => op) ?? [];
const numbers = (name: string, size: number) => {
  const rng = new Rng(name);
  return Float32Array.from({ length: size }, () => rng.normal());
};
const state = initialState(module, 2);
for (const [name, { data }] of state) if (name.startsWith('bn1')) (data as Float32Array).set(numbers(name, 8).map((v) => 0.5 + v * v));
const feeds = {
  x: numbers('x', sizeOf(inputShape)),
  target: Int32Array.of(4, 1),
  lr: Float32Array.of(0.1),
  seed: Int32Array.of(5),
};
const expectSame = (a: NumberArray, b: NumberArray) =>
  a.forEach((value, i) => {
    expect(b[i]).toBeCloseTo(value, 4);
  });

describe('trainingParts', () => {
  it('computes in two what the whole step computes in one', () => {
    const trains = (name: string) => name.startsWith('conv2') || name.startsWith('out');
    const { features, rest } = trainingParts({ ...base, trains });
    expect(ops(features)).toContain('conv2d');
    expect(ops(features)).not.toContain('batchNormInference');
    expect(ops(rest).filter((op) => op === 'sgd')).toHaveLength(4);
    expect(rest.values.some(({ name }) => name === 'x' || name === 'conv1.weight')).toBe(false);
    const whole = evaluate(trainingGraph({ ...base, trains }), feeds, state);
    const found = evaluate(rest, { ...feeds, ...evaluate(features!, feeds, state) }, state);
    expectSame(whole.out, found.out);
    expectSame(whole.loss, found.loss);
  });

  it('cuts before the first random number, and not at all where nothing is frozen', () => {
    const head = trainingParts({ ...base, trains: (name) => name.startsWith('out') });
    expect(ops(head.features)).not.toContain('dropout');
    expect(ops(head.rest)).toContain('dropout');
    const all = trainingParts(base);
    expect(all.features).toBeUndefined();
    expect(printGraph(all.rest)).toBe(printGraph(trainingGraph(base)));
  });

  it('leaves frozen batch norm that still updates its statistics in the step', () => {
    const { features, rest } = trainingParts({ ...base, trains: (name) => name.startsWith('out'), frozenNorm: 'batch' });
    expect(ops(features)).toEqual(['conv2d']);
    expect(ops(rest)).toContain('batchNorm');
    expect(ops(rest)).toContain('runningUpdate');
  });

  it('feeds each group its own learning rate and step count', () => {
    const graph = trainingGraph({ ...base, optimizer: { kind: 'adam' }, group: (name) => (name.startsWith('out') ? undefined : 'body') });
    const inputs = graph.values.filter(({ role }) => role === 'input').map(({ name }) => name);
    expect(inputs).toEqual(expect.arrayContaining(['lr', 'step', 'lr.body', 'step.body']));
  });
});

describe('evaluationParts', () => {
  it('reaches further than training: no random numbers stand in the way', () => {
    const { features, rest } = evaluationParts({ module, inputShape, trains: (name) => name.startsWith('out') });
    expect(ops(rest)).toEqual(['linear']);
    const y = evaluate(rest, evaluate(features!, feeds, state), state).y;
    expect(y).toHaveLength(10);
  });
});
