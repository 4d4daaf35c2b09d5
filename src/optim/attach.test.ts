import { describe, expect, it } from 'vitest';
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

  it('refuses options that make no sense', () => {
    expect(() => graphOf({ kind: 'sgd', nesterov: true })).toThrow('a momentum above 0 for nesterov');
    expect(() => graphOf({ kind: 'adam', betas: [0.9, 1] })).toThrow('beta2');
    expect(() => graphOf({ kind: 'sgd', maxGradNorm: -1 })).toThrow('maxNorm');
  });
});
