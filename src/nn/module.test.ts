import { describe, expect, it } from 'vitest';
import { ShapeError, UsageError } from '../core/errors.ts';
import type { Tensor } from '../graph/index.ts';
import { relu } from '../ops/index.ts';
import { BatchNorm2d, Conv2d, constant, initialState, Linear, Module, Parameter, ReLU, Sequential, trace } from './index.ts';

/** A network of the fields that are given. */
const net = (fields: object, forward: (x: Tensor) => Tensor = (x) => x): Module => {
  class Net extends Module {
    override forward(x: Tensor): Tensor {
      return forward(x);
    }
  }
  return Object.assign(new Net(), fields);
};
const scale = () => new Parameter([4], constant(1));
const keysOf = (module: Module) => [...module.parameters().keys()];

describe('the module tree', () => {
  it('has one path for each parameter', () => {
    const a = new Linear(4, 4);
    for (const [tied, where] of [
      [net({ a, b: a }), 'b.weight'],
      [new Sequential(a, new ReLU(), a), '2.weight'],
      [net({ a, deeper: net({ weight: a.weight }) }), 'deeper.weight'],
    ] as const) {
      const act = () => initialState(tied);
      expect(act).toThrow(UsageError);
      expect(act).toThrow(`[${where}] expected a parameter that stands nowhere else in the module tree, got the one of`);
    }
    expect(() => trace(net({ a, b: a }, a.forward), [2, 4])).toThrow(
      'got the one of a.weight. Keep a module that is used twice in one field',
    );
  });

  it('has one parameter for each path', () => {
    class Same extends Module {
      override *children(): Generator<[string, Module]> {
        for (const part of [new Linear(4, 4), new Linear(4, 4)]) yield ['part', part];
      }
      override forward(x: Tensor): Tensor {
        return x;
      }
    }
    expect(() => new Same().parameters()).toThrow('[part.weight] expected one parameter of that path, got two.');
  });

  it('may be walked again, from any module, and may call one module twice', () => {
    const a = new Linear(4, 4);
    const outer = net({ a, relus: [new ReLU()] }, (x) => a.forward(a.forward(x)));
    for (let i = 0; i < 2; i++)
      expect([keysOf(a), keysOf(outer)]).toEqual([
        ['weight', 'bias'],
        ['a.weight', 'a.bias'],
      ]);
    const graph = trace(outer, [2, 4]);
    expect(graph.nodes.map(({ op, path }) => [op, path])).toEqual([
      ['linear', 'a'],
      ['linear', 'a'],
    ]);
    const activation = new ReLU();
    expect(keysOf(new Sequential(activation, activation))).toEqual([]);
  });

  it('finds parameters and modules in arrays, also in arrays', () => {
    const found = net({ scales: [scale(), scale()], grid: [[new Linear(4, 4, { bias: false })], [scale(), 'note']], size: [1, 2] });
    expect(keysOf(found)).toEqual(['scales.0', 'scales.1', 'grid.0.0.weight', 'grid.1.0']);
  });

  it.each<[string, () => Module]>([
    [
      'private field',
      () =>
        new (class extends Module {
          #hidden = new Linear(4, 4);
          override forward(x: Tensor): Tensor {
            return this.#hidden.forward(x);
          }
        })(),
    ],
    [
      'plain object',
      () => {
        const hidden = { part: new Linear(4, 4) };
        return net({ hidden }, (x) => hidden.part.forward(x));
      },
    ],
    ['layer made in forward', () => net({}, (x) => new Linear(4, 4).forward(x))],
  ])('says that it cannot find a parameter: %s', (_, make) => {
    const act = (module: Module) => () => trace(module, [2, 4]);
    expect(act(make())).toThrow(UsageError);
    expect(act(make())).toThrow(
      '[parameter] expected a parameter that has a path in the module tree, got one of shape [4,4] without a path.',
    );
    expect(act(make())).toThrow('must be in a public field, or an array in one');
    expect(act(new Sequential(make()))).toThrow('[parameter @ 0]');
  });
});

describe('what is no module', () => {
  it('is refused with the class that holds it', () => {
    const act = () => initialState(net({ body: new Sequential(new Linear(4, 4), relu as never) }));
    expect(act).toThrow(UsageError);
    expect(act).toThrow('[Sequential @ body] expected a module as 1, got the function relu.');
    expect(() => initialState(new Sequential(undefined as never))).toThrow('[Sequential] expected a module as 0, got nothing.');
  });
});

describe('forward', () => {
  it('is a method', () => {
    class Arrow extends Module {
      override forward = (x: Tensor): Tensor => x;
    }
    expect(() => new Arrow()).toThrow(UsageError);
    expect(() => new Arrow()).toThrow('[Arrow] expected a method forward, got nothing. Write forward(x) { … }, not forward = (x) => …');
    const replaced = new ReLU();
    replaced.forward = (x) => x;
    expect(() => new Sequential(replaced).parameters()).toThrow('[ReLU @ 0] expected a method forward, got a field of that name.');
  });

  it('takes and returns tensors', () => {
    const silent = net({}, () => undefined as never);
    expect(() => trace(silent, [1])).toThrow(UsageError);
    expect(() => trace(silent, [1])).toThrow('[Net] expected a tensor as the result of forward, got nothing.');
    expect(() => silent.forward(new Float32Array(2) as never)).toThrow(
      '[Net] expected a tensor as the input of forward, got an object of the class Float32Array.',
    );
    expect(() => trace(new Sequential(silent), [1])).toThrow('[Net @ 0] expected a tensor as the result of forward');
  });

  it('of a module made in another’s forward counts as that one’s', () => {
    const graph = trace(new Sequential(net({}, (x) => new ReLU().forward(x))), [1]);
    expect(graph.nodes.map(({ path }) => path)).toEqual(['0']);
  });
});

describe('counts', () => {
  it.each<[() => unknown, string]>([
    [() => new Linear(4, Number.NaN), '[Linear] expected outFeatures as an integer above 0, got NaN.'],
    [() => new Linear(0, 4), '[Linear] expected inFeatures as an integer above 0, got 0.'],
    [() => new Conv2d(-1, 4, 3), '[Conv2d] expected inChannels as an integer above 0, got -1.'],
    [() => new Conv2d(4, 1.5, 3), '[Conv2d] expected outChannels as an integer above 0, got 1.5.'],
    [() => new Conv2d(4, 4, [3, 0]), '[Conv2d] expected kernelSize as integers above 0, got [3,0].'],
    [() => new Conv2d(4, 4, 3, { groups: 0 }), '[Conv2d] expected groups as an integer above 0, got 0.'],
    [() => new Conv2d(4, 6, 3, { groups: 3 }), '[Conv2d] expected groups that divide 4 and 6 channels, got 3.'],
    [() => new Conv2d('4' as never, 6, 3), '[Conv2d] expected inChannels as an integer above 0, got "4".'],
    [() => new BatchNorm2d(0), '[BatchNorm2d] expected features as an integer above 0, got 0.'],
    [() => new (class Norm extends Linear {})(1, 0), '[Norm] expected outFeatures'],
  ])('%s', (act, message) => {
    expect(act).toThrow(UsageError);
    expect(act).toThrow(message);
  });

  it('make a parameter’s shape', () => {
    expect(() => new Parameter([4, 1.5], constant(0))).toThrow(ShapeError);
    expect(() => new Parameter([4, 1.5], constant(0))).toThrow('[Parameter] expected a shape of integers above 0, got [4,1.5].');
    expect(new Parameter([], constant(0)).shape).toEqual([]);
  });
});
