import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type LinearObjective, linearStepGraph } from '../../src/classic/index.ts';
import { eliminateDead, evaluationGraph, fuse, trainingGraph } from '../../src/compile/index.ts';
import type { NumberArray } from '../../src/core/index.ts';
import type { Backend, BackendStore } from '../../src/engine/engine.ts';
import { createReferenceBackend } from '../../src/engine/reference/backend.ts';
import { differentiate, type Graph, GraphBuilder, type Tensor } from '../../src/graph/index.ts';
import { CourseCnn } from '../../src/models/index.ts';
import { crossEntropyLoss, type initialState, Linear, type Module, ReLU, Sequential, trace } from '../../src/nn/index.ts';
import { add, catalogue, crossEntropy, fill, l2Penalty, logSoftmax, mseLoss, multiClassHinge, nllLoss } from '../../src/ops/index.ts';
import { initialOptimizerState, type OptimizerSpec } from '../../src/optim/index.ts';
import { labels, numbers } from './formula.ts';
import { formulaState, SmallNet } from './networks.ts';

const golden = (name: string) => JSON.parse(readFileSync(new URL(`${name}.golden.json`, import.meta.url), 'utf8'));

/** Fits single precision: the largest difference, as a share of the largest stored number. */
function expectClose(actual: ArrayLike<number>, expected: readonly number[], what: string, share = 2e-5, floor = 1e-6): void {
  expect(actual.length, what).toBe(expected.length);
  const scale = Math.max(floor, ...expected.map(Math.abs));
  const worst = Math.max(...expected.map((e, i) => Math.abs(actual[i] - e)));
  expect(worst / scale, `${what}: largest difference ${worst}`).toBeLessThan(share);
}

interface Sketch {
  stride: number;
  samples: number[];
  norm: number;
  product: number;
}

/** A gradient against few numbers that stand for it; `scale` is what a difference is measured by where the gradient is nearly zero. */
function expectSketch(actual: NumberArray, { stride, samples, norm, product }: Sketch, what: string, scale: number): void {
  expectClose(
    samples.map((_, i) => actual[i * stride]),
    samples,
    what,
    1e-4,
    scale,
  );
  const weights = numbers(99, [actual.length]);
  const size = Math.max(norm, scale);
  expect(Math.abs(Math.hypot(...actual) - norm) / size, `norm of ${what}`).toBeLessThan(1e-4);
  expect(Math.abs(weights.reduce((sum, w, i) => sum + w * actual[i], 0) - product) / size, `product of ${what}`).toBeLessThan(1e-4);
}

/** Loss, result and gradients of all parameters as outputs. */
function gradientGraph(module: Module, shape: readonly number[]): Graph {
  const traced = trace(module, shape, {
    training: true,
    finish: (y, graph) => graph.output('loss', crossEntropy(y, graph.input('target', [shape[0]], 'i32')).loss),
  });
  return withGradients(fuse(traced, catalogue));
}

function withGradients(graph: Graph): Graph {
  const parameters = graph.values.filter((v) => v.role === 'parameter');
  const { builder, gradients } = differentiate({
    graph,
    catalogue,
    wrt: parameters.map((v) => v.id),
    seed: (b) => new Map([[graph.outputs.loss, fill(b, 1, [])]]),
    accumulate: add,
  });
  for (const { id, name } of parameters) builder.output(`grad:${name}`, gradients.get(id)!);
  return eliminateDead(builder.build(), catalogue);
}

interface LossCase {
  kind: string;
  options: Record<string, never>;
  loss: number;
  grad: number[];
}

interface OptimizerCase {
  spec: OptimizerSpec;
  losses: number[];
  norms: number[];
  parameters: Record<string, number[]>;
}

interface LinearCase {
  options: LinearObjective & { momentum: number };
  losses: number[];
  dataLosses: number[];
  rates: number[];
  parameters: Record<string, number[]>;
}

const backends: [string, () => Promise<Backend>][] = [
  ['reference', async () => createReferenceBackend()],
  ['onednn', async () => (await import('../../src/engine/onednn/backend.ts')).createOneDnnBackend()],
];

const networks: [string, () => Module, number][] = [
  ['course-cnn', () => new CourseCnn({ classes: 10, inChannels: 1 }), 10],
  ['small-net', () => new SmallNet(), 5],
];

const lossOps: Record<string, (x: Tensor, target: Tensor, graph: GraphBuilder, options: Record<string, never>) => Tensor> = {
  crossEntropy: (x, target, _, options) => crossEntropy(x, target, options).loss,
  nll: (x, target, _, options) => nllLoss(logSoftmax(x), target, options),
  hinge: (x, target, _, options) => multiClassHinge(x, target, options),
  mse: (x, _, graph) => mseLoss(x, graph.input('b', x.shape)),
  l2: (x, _target, _graph, { factor }) => l2Penalty([x], factor),
};

for (const [engine, open] of backends) {
  const backend = await open().catch((error: Error) => error);
  if (backend instanceof Error) {
    describe.skip(`${engine} (not available: ${backend.message})`, () => it('agrees with PyTorch', () => {}));
    continue;
  }
  const storeOf = (state: ReturnType<typeof initialState>): BackendStore => {
    const store = backend.createStore();
    store.load(state);
    return store;
  };

  describe(`${engine} against PyTorch`, () => {
    it.each(networks)('%s: results, loss, gradients, running statistics', (name, make, classes) => {
      const { shape, eval: evaluated, y, loss, grads, running } = golden(name);
      const module = make();
      const store = storeOf(formulaState(module));
      const feeds = { x: numbers(50, shape), target: labels(shape[0], classes) };
      const inference = backend.compile(evaluationGraph({ module, inputShape: shape }), store);
      expectClose(inference.run({ x: feeds.x }).y, evaluated, 'y in evaluation');

      const results = backend.compile(gradientGraph(module, shape), store).run(feeds);
      expectClose(results.y, y, 'y in training');
      expectClose(results.loss, [loss], 'loss');
      const scale = 1e-2 * Math.max(...Object.values(grads as Record<string, Sketch>).map((g) => g.norm));
      expect(Object.keys(grads).length).toBe([...module.parameters().values()].filter((p) => p.trains).length);
      for (const [key, sketch] of Object.entries(grads as Record<string, Sketch>))
        expectSketch(results[`grad:${key}`], sketch, `gradient of ${key}`, scale);
      const state = store.read();
      for (const [key, values] of Object.entries(running as Record<string, number[]>))
        expectClose(state.get(key)!.data as Float32Array, values, key);
    });

    it.each(golden('losses').cases as LossCase[])('loss $kind $options', ({ kind, options, loss, grad }) => {
      const builder = new GraphBuilder({ training: true });
      const x = builder.parameter('x', [6, 5]);
      builder.output('loss', lossOps[kind](x, builder.input('target', [6], 'i32'), builder, options));
      const graph = withGradients(builder.build());
      const store = storeOf(new Map([['x', { dtype: 'f32', shape: [6, 5], data: numbers(7, [6, 5], 3) }]]));
      const fed = Object.entries({ target: labels(6, 5), b: numbers(8, [6, 5]) }).filter(([name]) =>
        graph.values.some((v) => v.role === 'input' && v.name === name),
      );
      const results = backend.compile(graph, store).run(Object.fromEntries(fed));
      expectClose(results.loss, [loss], 'loss');
      expectClose(results['grad:x'], grad, 'gradient');
    });

    it.each(golden('optimizers').cases as OptimizerCase[])('three steps of $spec', ({ spec, losses, norms, parameters }) => {
      const module = new Sequential(new Linear(12, 7), new ReLU(), new Linear(7, 5));
      const graph = trainingGraph({ module, inputShape: [8, 12], loss: crossEntropyLoss(), optimizer: spec });
      const store = storeOf(new Map([...formulaState(module), ...initialOptimizerState(graph)]));
      const program = backend.compile(graph, store);
      for (const [i, loss] of losses.entries()) {
        const results = program.run(optimizerFeeds(graph, i));
        expectClose(results.loss, [loss], `loss of step ${i + 1}`);
        if (norms.length) expectClose(results.gradNorm, [norms[i]], `norm of step ${i + 1}`);
      }
      const state = store.read(Object.keys(parameters));
      for (const [key, values] of Object.entries(parameters)) expectClose(state.get(key)!.data as Float32Array, values, key);
    });

    it.each(golden('linear').cases as LinearCase[])('six steps of a linear classifier, $options', (one) => {
      const { options, losses, dataLosses, rates, parameters } = one;
      const graph = linearStepGraph({ ...options, batchSize: 8, width: 27, classes: 5 });
      const store = storeOf(new Map([...formulaState(new Linear(27, 5)), ...initialOptimizerState(graph)]));
      const program = backend.compile(graph, store);
      for (const [i, rate] of rates.entries()) {
        const results = program.run({ x: numbers(70 + i, [8, 27], 2), target: labels(8, 5), lr: Float32Array.of(rate) });
        expectClose(results.loss, [losses[i]], `loss of step ${i + 1}`);
        expectClose(results.dataLoss, [dataLosses[i]], `loss without penalty of step ${i + 1}`);
      }
      const state = store.read(Object.keys(parameters));
      for (const [key, values] of Object.entries(parameters)) expectClose(state.get(key)!.data as Float32Array, values, key);
    });
  });
}

function optimizerFeeds(graph: Graph, i: number): Record<string, NumberArray> {
  const feeds: Record<string, NumberArray> = {
    x: numbers(60 + i, [8, 12], 2),
    target: labels(8, 5),
    lr: Float32Array.of(golden('optimizers').lr),
  };
  if (graph.values.some((v) => v.name === 'step')) feeds.step = Float32Array.of(i + 1);
  return feeds;
}
