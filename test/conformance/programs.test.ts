import { afterAll, describe, expect, it } from 'vitest';
import { evaluationGraph, trainingGraph } from '../../src/compile/index.ts';
import { f32, Rng, type StateDict, sizeOf } from '../../src/core/index.ts';
import type { Backend } from '../../src/engine/engine.ts';
import { createReferenceBackend } from '../../src/engine/reference/backend.ts';
import type { Tensor } from '../../src/graph/index.ts';
import { GraphBuilder } from '../../src/graph/index.ts';
import { verify } from '../../src/graph/verify.ts';
import { BatchNorm2d, Conv2d, crossEntropyLoss, Dropout, initialState, Linear, Module, meanSquaredErrorLoss } from '../../src/nn/index.ts';
import { adaptiveAvgPool2d, add, catalogue, concat, conv2d, flatten, maxPool2d, relu } from '../../src/ops/index.ts';
import { initialOptimizerState, type OptimizerSpec } from '../../src/optim/index.ts';
import { openOneDnn } from './open-onednn.ts';

/** Blocks that fill oneDNN's sixteen channels and blocks that do not, joined in every way the models of this project join them. */
class Mixed extends Module {
  stem = new Conv2d(3, 16, 5, { stride: 2, padding: 2, bias: false });
  bn = new BatchNorm2d(16);
  left = new Conv2d(16, 6, 1);
  right = new Conv2d(16, 10, 3, { padding: 1, groups: 2 });
  block = new Conv2d(16, 16, 3, { padding: 1, bias: false });
  blockBn = new BatchNorm2d(16);
  plain = new Conv2d(16, 16, 3, { padding: 1 });
  drop = new Dropout(0.3);
  out = new Linear(16 * 2 * 2, 5);
  forward(x: Tensor): Tensor {
    let h = maxPool2d(relu(this.bn.forward(this.stem.forward(x))), 3, { stride: 2, ceilMode: true });
    h = concat([relu(this.left.forward(h)), relu(this.right.forward(h))]);
    h = relu(add(this.blockBn.forward(this.block.forward(h)), h));
    h = relu(add(this.plain.forward(h), h));
    return this.out.forward(this.drop.forward(flatten(adaptiveAvgPool2d(h, 2))));
  }
}

const inputShape = [4, 3, 17, 17];
const optimizer: OptimizerSpec = { kind: 'adam', maxGradNorm: 1 };
const loss = crossEntropyLoss();
const numbers = (name: string, shape: readonly number[]) => {
  const rng = new Rng(name);
  return Float32Array.from({ length: sizeOf(shape) }, () => rng.normal());
};
const feedsOf = (step: number) => ({
  x: numbers(`x${step}`, inputShape),
  target: Int32Array.of(0, 4, 2, 1),
  lr: Float32Array.of(0.01),
  step: Float32Array.of(step),
  seed: Int32Array.of(step * 77),
});

function train(backend: Backend, steps: number, capture: readonly string[] = []) {
  const module = new Mixed();
  const graph = trainingGraph({ module, inputShape, loss, optimizer, capture });
  const store = backend.createStore();
  store.load(initialState(module, 3));
  store.load(initialOptimizerState(graph));
  const program = backend.compile(graph, store);
  const results = [];
  for (let step = 1; step <= steps; step++) {
    const outputs = program.run(feedsOf(step));
    results.push(Object.fromEntries(Object.entries(outputs).map(([name, array]) => [name, Float32Array.from(array)])));
  }
  return { module, store, program, results };
}

function expectClose(actual: StateDict, expected: StateDict, share: number) {
  for (const [name, { data }] of expected) {
    const found = actual.get(name)!.data as Float32Array;
    const numbers = data as Float32Array;
    const scale = numbers.reduce((max, v) => Math.max(max, Math.abs(v)), 0.01);
    numbers.forEach((value, i) => {
      expect(Math.abs(found[i] - value) / scale, `${name}[${i}]`).toBeLessThan(share);
    });
  }
}

const oneDnn = openOneDnn();

/** One batch norm applied twice, as PyTorch allows: both move its running statistics. */
class Twice extends Module {
  bn = new BatchNorm2d(2);
  forward(x: Tensor): Tensor {
    return this.bn.forward(relu(this.bn.forward(x)));
  }
}

describe.each([createReferenceBackend(), ...(oneDnn ? [oneDnn] : [])])('a batch norm applied twice, $info.name', (backend) => {
  it('moves its statistics one after the other, as torch.nn.BatchNorm2d does', () => {
    const module = new Twice();
    const store = backend.createStore();
    store.load(new Map([...initialState(module), ['bn.weight', f32([2, 0.5])], ['bn.bias', f32([0.3, -0.1])]]));
    const graph = trainingGraph({
      module,
      inputShape: [2, 2, 2, 2],
      target: { shape: [2, 2, 2, 2], dtype: 'f32' },
      loss: meanSquaredErrorLoss(),
      optimizer: { kind: 'sgd' },
    });
    const { y } = backend.compile(graph, store).run({
      x: Float32Array.from({ length: 16 }, (_, i) => i / 4),
      target: new Float32Array(16),
      lr: Float32Array.of(0),
      step: Float32Array.of(1),
    });
    // From PyTorch 1.13.
    const expected = [
      -1.592373, -1.592373, -1.592373, -1.592373, -0.547363, -0.547363, -0.547363, -0.547363, 0.964357, 1.783034, 2.601712, 3.420389,
      -0.076098, 0.20621, 0.488517, 0.770825,
    ];
    expected.forEach((value, i) => {
      expect(y[i]).toBeCloseTo(value, 5);
    });
    const statistics = store.read(['bn.running_mean', 'bn.running_var']);
    const [mean, variance] = [...statistics.values()].map(({ data }) => [...data]);
    expect(mean).toEqual([0.2350582, 0.2328271].map((value) => expect.closeTo(value, 5)));
    expect(variance).toEqual([1.0790503, 0.9260872].map((value) => expect.closeTo(value, 5)));
  });
});

describe.skipIf(!oneDnn)('oneDNN programs', () => {
  const reference = createReferenceBackend();
  afterAll(() => oneDnn?.close());

  it('train a network of every kind of joint as the reference does', () => {
    const ours = train(oneDnn!, 3);
    const truth = train(reference, 3);
    expect(ours.results.map(({ loss }) => loss[0])).toEqual(truth.results.map(({ loss }) => expect.closeTo(loss[0], 3)));
    expectClose(ours.store.read(), truth.store.read(), 2e-2);
  });

  it('return captured layers and gradients as the reference does', () => {
    const capture = ['stem', 'bn', 'right', 'grad:right', 'grad:stem'];
    const [ours] = train(oneDnn!, 1, capture).results;
    const [truth] = train(reference, 1, capture).results;
    for (const name of capture) {
      const scale = truth[name].reduce((max, v) => Math.max(max, Math.abs(v)), 0);
      const worst = truth[name].reduce((max, v, i) => Math.max(max, Math.abs(v - ours[name][i])), 0);
      expect(worst / scale, name).toBeLessThan(1e-3);
    }
  });

  it('share a store: what one trains, another evaluates, folded weights included', () => {
    const { module, store, program } = train(oneDnn!, 1);
    const evaluation = evaluationGraph({ module, inputShape: [2, 3, 17, 17] });
    const x = numbers('held out', [2, 3, 17, 17]);
    const ours = oneDnn!.compile(evaluation, store);
    const theirs = reference.createStore();
    const truth = reference.compile(evaluation, theirs);
    const both = [];
    for (let step = 2; step < 5; step++) {
      theirs.load(store.read());
      const expected = truth.run({ x }).y;
      const found = Float32Array.from(ours.run({ x }).y);
      expected.forEach((value, i) => {
        expect(found[i]).toBeCloseTo(value, 3);
      });
      both.push(found);
      program.run(feedsOf(step));
    }
    expect(both[1]).not.toEqual(both[0]);
    store.load(new Map([['out.bias', { dtype: 'f32', shape: [5], data: Float32Array.of(100, 0, 0, 0, 0) }]]));
    expect(ours.run({ x }).y[0]).toBeGreaterThan(50);
  });

  it('give the same bits each time, and allocate nothing once planned', () => {
    const [a, b] = [train(oneDnn!, 4), train(oneDnn!, 4)];
    expect(a.store.read()).toEqual(b.store.read());
    const feeds = feedsOf(5);
    a.program.run(feeds);
    const before = process.memoryUsage().arrayBuffers;
    for (let k = 0; k < 100; k++) a.program.run(feeds);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2048);
  });

  it('reuse memory: the arena is smaller than its buffers side by side', () => {
    const { arenaBytes, unsharedBytes } = train(oneDnn!, 1).program.memory;
    expect(arenaBytes).toBeLessThan(unsharedBytes * 0.8);
  });

  it('add and activate on channels that do not fill a block', () => {
    const graph = new GraphBuilder();
    const x = graph.input('x', [2, 3, 8, 8]);
    const a = conv2d(x, graph.parameter('a', [6, 3, 3, 3]), undefined, { padding: 1 });
    const b = conv2d(x, graph.parameter('b', [6, 3, 3, 3]), undefined, { padding: 1 });
    graph.output('y', graph.apply(catalogue.get('add')!, [a, b], { activation: 'relu' })[0]);
    const built = graph.build();
    verify(built, catalogue);
    const state: StateDict = new Map(
      ['a', 'b'].map((name) => [name, { dtype: 'f32' as const, shape: [6, 3, 3, 3], data: numbers(name, [162]) }]),
    );
    const feeds = { x: numbers('x', [2, 3, 8, 8]) };
    const [ours, truth] = [oneDnn!, reference].map((backend) => {
      const store = backend.createStore();
      store.load(state);
      return Float32Array.from(backend.compile(built, store).run(feeds).y);
    });
    truth.forEach((value, i) => {
      expect(ours[i]).toBeCloseTo(value, 3);
    });
  });

  it('count what a step changed before it failed: an evaluation afterwards folds the statistics of now', () => {
    for (const backend of [reference, oneDnn!]) {
      const module = new Mixed();
      const store = backend.createStore();
      const step = trainingGraph({ module, inputShape, loss, optimizer });
      store.load(initialState(module, 3));
      store.load(initialOptimizerState(step));
      const training = backend.compile(step, store);
      const evaluation = backend.compile(evaluationGraph({ module, inputShape }), store);
      const { x } = feedsOf(1);
      evaluation.run({ x });
      expect(() => training.run({ ...feedsOf(1), target: Int32Array.of(0, 9, 2, 1) })).toThrow(/targets from 0 to 4/);
      const after = [...evaluation.run({ x }).y];
      store.load(store.read());
      expect(after).toEqual([...evaluation.run({ x }).y]);
    }
  });

  it('refuse a run whose parameters were never loaded, and inputs of another size', () => {
    const graph = evaluationGraph({ module: new Mixed(), inputShape });
    const store = oneDnn!.createStore();
    const program = oneDnn!.compile(graph, store);
    expect(() => program.run({ x: numbers('x', inputShape) })).toThrow(/stem\.weight/);
    store.load(initialState(new Mixed(), 1));
    expect(() => program.run({ x: new Float32Array(7) })).toThrow(/\[input 'x'\].*got 7/);
    expect(() => store.load(new Map([['out.bias', { dtype: 'f32', shape: [4], data: new Float32Array(4) }]]))).toThrow(/out\.bias/);
    const turned = { dtype: 'f32', shape: [64, 5], data: new Float32Array(320) } as const;
    expect(() => store.load(new Map([['out.weight', turned]]))).toThrow('[out.weight] expected shape [5,64], got [64,5].');
    const other = oneDnn!.createStore();
    other.load(new Map([['out.weight', turned]]));
    expect(() => oneDnn!.compile(graph, other)).toThrow('[out.weight] expected shape [5,64], got [64,5].');
  });
});
