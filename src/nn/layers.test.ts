import { describe, expect, it } from 'vitest';
import { GraphBuilder, type Tensor } from '../graph/index.ts';
import type { Padding, Pair } from '../ops/index.ts';
import {
  AvgPool2d,
  BatchNorm2d,
  Conv2d,
  Dropout,
  Flatten,
  initialState,
  Linear,
  MaxPool2d,
  Module,
  ReLU,
  Sequential,
  trace,
} from './index.ts';

class Net extends Module {
  features = new Sequential(new Conv2d(3, 8, 3, { padding: 1, bias: false }), new BatchNorm2d(8), new ReLU(), new MaxPool2d(2));
  head = new Sequential(new Flatten(), new Dropout(0.25), new Linear(8 * 4 * 4, 5));

  override forward(x: Tensor): Tensor {
    return this.head.forward(this.features.forward(x));
  }
}

describe('layers', () => {
  it('have PyTorch’s state-dict keys in its order', () => {
    expect([...new Net().parameters().keys()]).toEqual([
      'features.0.weight',
      'features.1.weight',
      'features.1.bias',
      'features.1.running_mean',
      'features.1.running_var',
      'head.2.weight',
      'head.2.bias',
    ]);
  });

  it('have options whose types have a name outside too', () => {
    const [kernelSize, padding]: [Pair, Padding | undefined] = [new AvgPool2d(2).kernelSize, new Conv2d(1, 1, 3).options.padding];
    expect([kernelSize, padding]).toEqual([2, undefined]);
  });

  it('carry their path into the graph', () => {
    const graph = trace(new Net(), [2, 3, 8, 8], { training: true });
    expect(graph.values[graph.scopes['features.3']].shape).toEqual([2, 8, 4, 4]);
    expect(graph.values[graph.outputs.y].shape).toEqual([2, 5]);
    expect(() => trace(new Net(), [2, 4, 8, 8])).toThrow('@ features.0]');
  });

  it('draw random numbers and move running statistics in training only', () => {
    const changesIn = (training: boolean) => {
      const graph = trace(new Net(), [2, 3, 8, 8], { training });
      const inputs = graph.values.filter((v) => v.role === 'input').map((v) => v.name);
      return { inputs, updates: graph.nodes.filter((n) => n.op === 'runningUpdate').length };
    };
    expect(changesIn(true)).toEqual({ inputs: ['x', 'seed'], updates: 2 });
    expect(changesIn(false)).toEqual({ inputs: ['x'], updates: 0 });
  });

  it('give each dropout its own numbers', () => {
    const module = new Sequential(new Dropout(), new Dropout());
    const graph = trace(module, [2, 3], { training: true });
    expect(new Set(graph.nodes.map((n) => n.attrs.salt)).size).toBe(2);
    // One module used twice draws twice, as in PyTorch.
    const twice = trace(new Sequential(module, module), [2, 3], { training: true });
    expect(new Set(twice.nodes.map((n) => n.attrs.salt)).size).toBe(4);
  });

  it('train weights, not running statistics', () => {
    const graph = new GraphBuilder({ training: true });
    const bn = new BatchNorm2d(4);
    bn.parameters();
    bn.forward(graph.input('x', [2, 4, 3, 3]));
    const roles = Object.fromEntries(graph.build().values.map((v) => [v.name, v.role]));
    expect(roles).toMatchObject({ weight: 'parameter', bias: 'parameter', running_mean: 'state', running_var: 'state' });
  });
});

describe('initialState', () => {
  it('begins batch norm as the identity', () => {
    const state = initialState(new BatchNorm2d(2));
    const begins = Object.fromEntries([...state].map(([name, { data }]) => [name, [...(data as Float32Array)]]));
    expect(begins).toEqual({ weight: [1, 1], bias: [0, 0], running_mean: [0, 0], running_var: [1, 1] });
  });

  it('begins convolutions within ±1/√fanIn, groups counted', () => {
    const state = initialState(new Conv2d(8, 64, 3, { groups: 2 }));
    for (const name of ['weight', 'bias']) {
      const largest = Math.max(...(state.get(name)!.data as Float32Array).map(Math.abs));
      expect(largest).toBeLessThanOrEqual(1 / 6);
      expect(largest).toBeGreaterThan(0.9 / 6);
    }
  });

  it('depends on the seed and the path, not on other layers', () => {
    const weight = (module: Module, key: string, seed = 0) => initialState(module, seed).get(key)!.data;
    const linear = () => new Linear(4, 3);
    const one = weight(new Sequential(new ReLU(), linear()), '1.weight');
    expect(weight(new Sequential(linear(), linear()), '1.weight')).toEqual(one);
    expect(weight(new Sequential(linear(), linear()), '0.weight')).not.toEqual(one);
    expect(weight(new Sequential(new ReLU(), linear()), '1.weight', 1)).not.toEqual(one);
  });
});
