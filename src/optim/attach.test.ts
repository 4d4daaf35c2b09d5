import { afterAll, describe, expect, it } from 'vitest';
import { NumericError, UsageError } from '../core/errors.ts';
import { f32 } from '../core/ndarray.ts';
import type { Backend } from '../engine/engine.ts';
import { createOneDnnBackend } from '../engine/onednn/backend.ts';
import { createReferenceBackend } from '../engine/reference/backend.ts';
import { type Graph, GraphBuilder } from '../graph/index.ts';
import { attachOptimizer, initialOptimizerState } from './attach.ts';
import type { OptimizerSpec } from './spec.ts';

function graphOf(spec: OptimizerSpec, groups: readonly (string | undefined)[] = [undefined]): Graph {
  const builder = new GraphBuilder();
  const trained = groups.map((group, i) => ({
    parameter: builder.parameter(`layer${i}.weight`, [3, 2]),
    name: `layer${i}.weight`,
    gradient: builder.input(`gradient${i}`, [3, 2]),
    group,
  }));
  const norm = attachOptimizer(builder, trained, spec);
  if (norm) builder.output('gradNorm', norm);
  return builder.build();
}

const namesOf = (graph: Graph, role: string) =>
  graph.values.filter((v) => v.role === role && !v.name.startsWith('gradient')).map((v) => v.name);

const openOneDnn = (): Backend | undefined => {
  try {
    return createOneDnnBackend({ threads: 1 });
  } catch {
    return undefined;
  }
};
const onednn = openOneDnn();
afterAll(() => onednn?.close());

describe('attachOptimizer', () => {
  it.each<[OptimizerSpec, string[], string[]]>([
    [{ kind: 'sgd' }, ['lr'], []],
    [{ kind: 'sgd', momentum: 0.9 }, ['lr'], ['optimizer.layer0.weight.momentum_buffer']],
    [{ kind: 'adam' }, ['lr', 'step'], ['optimizer.layer0.weight.exp_avg', 'optimizer.layer0.weight.exp_avg_sq']],
    [{ kind: 'adamw' }, ['lr', 'step'], ['optimizer.layer0.weight.exp_avg', 'optimizer.layer0.weight.exp_avg_sq']],
  ])('%j adds its inputs and states', (spec, inputs, states) => {
    const graph = graphOf(spec);
    expect(namesOf(graph, 'input')).toEqual(inputs);
    expect(namesOf(graph, 'state')).toEqual(states);
    const state = initialOptimizerState(graph);
    expect([...state.keys()]).toEqual(states);
    for (const { shape, data } of state.values())
      expect({ shape, sum: (data as Float32Array).join() }).toEqual({ shape: [3, 2], sum: '0,0,0,0,0,0' });
  });

  it('gives each group its own rate', () => {
    expect(namesOf(graphOf({ kind: 'sgd' }, [undefined, 'head', 'head']), 'input')).toEqual(['lr', 'lr.head']);
  });

  it('clips all gradients by one norm, before the updates', () => {
    const graph = graphOf({ kind: 'sgd', maxGradNorm: 1 }, [undefined, 'head']);
    expect(graph.nodes.map((n) => n.op)).toEqual(['clipNorm', 'sgd', 'sgd']);
    expect(graph.nodes[0].inputs).toHaveLength(2);
    expect(graph.values[graph.outputs.gradNorm].shape).toEqual([]);
    expect(graphOf({ kind: 'sgd' }).outputs).toEqual({});
  });

  it('leaves running statistics out of the optimizer’s states', () => {
    const builder = new GraphBuilder();
    builder.state('bn.running_mean', [3]);
    expect(initialOptimizerState(builder.build()).size).toBe(0);
  });

  it('refuses an unknown kind', () => {
    expect(() => graphOf({ kind: 'Adam' as never })).toThrow(UsageError);
    expect(() => graphOf({ kind: 'Adam' as never })).toThrow(
      '[optimizer] expected a kind among sgd, adam, adamw, got "Adam". Did you mean \'adam\'?',
    );
    expect(() => graphOf({ kind: 'rmsprop' as never })).toThrow('got "rmsprop".');
    expect(() => graphOf({ kind: 'constructor' as never })).toThrow('got "constructor".');
  });

  it.each([0, -1, 0.5, Number.NaN])('lets Adam’s step %d change nothing', (step) => {
    const graph = graphOf({ kind: 'adam' }, [undefined, 'head']);
    for (const backend of [createReferenceBackend(), onednn]) {
      if (!backend) continue;
      const store = backend.createStore();
      const weights = ['layer0.weight', 'layer1.weight'].map((name) => [name, f32(new Float32Array(6).fill(1), [3, 2])] as const);
      store.load(new Map([...weights, ...initialOptimizerState(graph)]));
      const one = Float32Array.of(1);
      const gradient = new Float32Array(6).fill(0.5);
      const program = backend.compile(graph, store);
      const run = (count: number) =>
        program.run({ gradient0: gradient, gradient1: gradient, lr: one, 'lr.head': one, step: Float32Array.of(count), 'step.head': one });
      expect(() => run(step)).toThrow(NumericError);
      expect(() => run(step)).toThrow(`[step] expected a count from 1, got ${step}.`);
      const held = () => [...store.read(['layer0.weight']).get('layer0.weight')!.data];
      expect(held()).toEqual([1, 1, 1, 1, 1, 1]);
      run(1);
      expect(held()[0]).toBeCloseTo(0, 5);
    }
  });

  it('refuses options that make no sense', () => {
    expect(() => graphOf({ kind: 'sgd', nesterov: true })).toThrow('a momentum above 0 for nesterov');
    expect(() => graphOf({ kind: 'adam', betas: [0.9, 1] })).toThrow('beta2');
    expect(() => graphOf({ kind: 'sgd', maxGradNorm: -1 })).toThrow('maxNorm');
  });
});
