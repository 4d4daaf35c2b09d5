import { describe, expect, it } from 'vitest';
import { Rng } from '../core/rng.ts';
import { sizeOf } from '../core/shape.ts';
import { evaluate } from '../engine/reference/evaluate.ts';
import type { Tensor } from '../graph/tensor.ts';
import { BatchNorm2d, Conv2d, crossEntropyLoss, initialState, Linear, Module, trace } from '../nn/index.ts';
import { add, flatten, relu } from '../ops/index.ts';
import { evaluationGraph, trainingGraph } from './step.ts';

class Net extends Module {
  conv1 = new Conv2d(3, 8, 3, { padding: 1, bias: false });
  bn1 = new BatchNorm2d(8);
  conv2 = new Conv2d(8, 8, 3, { padding: 1 });
  bn2 = new BatchNorm2d(8);
  out = new Linear(8 * 4 * 4, 5);
  forward(x: Tensor): Tensor {
    const h = relu(this.bn1.forward(this.conv1.forward(x)));
    return this.out.forward(flatten(relu(add(this.bn2.forward(this.conv2.forward(h)), h))));
  }
}
const inputShape = [2, 3, 4, 4];
const loss = crossEntropyLoss();
const optimizer = { kind: 'sgd' } as const;
const ops = (graph: { nodes: readonly { op: string }[] }) => graph.nodes.map(({ op }) => op);

/** Statistics that are not the trivial ones, so that folding them matters. */
const lively = (module: Module) => {
  const state = initialState(module, 1);
  const rng = new Rng('lively');
  for (const [name, { data }] of state)
    if (/running_|bn\d\./.test(name)) for (let i = 0; i < data.length; i++) data[i] = rng.uniform(0.5, 1.5);
  return state;
};

describe('evaluationGraph', () => {
  it('folds batch norm into the convolution before it and computes the same', () => {
    const module = new Net();
    const folded = evaluationGraph({ module, inputShape });
    expect(ops(folded)).not.toContain('batchNormInference');
    expect(ops(folded)).not.toContain('relu');
    expect(ops(folded)).not.toContain('add');
    const x = Float32Array.from({ length: sizeOf(inputShape) }, (_, i) => Math.sin(i));
    const state = lively(module);
    const plain = evaluate(trace(module, inputShape), { x }, state);
    const { y } = evaluate(folded, { x }, state);
    plain.y.forEach((value, i) => {
      expect(y[i]).toBeCloseTo(value, 4);
    });
  });
});

describe('trainingGraph', () => {
  it('updates every parameter and fuses ReLU into batch norm', () => {
    const graph = trainingGraph({ module: new Net(), inputShape, loss, optimizer });
    expect(ops(graph).filter((op) => op === 'sgd')).toHaveLength(9);
    const norm = graph.nodes.find(({ op, path }) => op.startsWith('batchNorm') && path === 'bn1')!;
    expect(norm.attrs.activation).toBe('relu');
    expect(Object.keys(graph.outputs)).toEqual(expect.arrayContaining(['loss', 'y']));
  });

  it('spends no gradient on what is frozen', () => {
    const graph = trainingGraph({ module: new Net(), inputShape, loss, optimizer, trains: (path) => path.startsWith('out.') });
    expect(ops(graph).filter((op) => op === 'sgd')).toHaveLength(2);
    expect(ops(graph).filter((op) => /conv2dGrad|batchNormGrad|linearGradInput/.test(op))).toEqual([]);
  });

  it('returns captured layers and gradients, unfused', () => {
    const graph = trainingGraph({ module: new Net(), inputShape, loss, optimizer, capture: ['conv2', 'grad:conv2', 'bn1'] });
    expect(Object.keys(graph.outputs)).toEqual(expect.arrayContaining(['conv2', 'grad:conv2', 'bn1']));
    expect(graph.values[graph.outputs['grad:conv2']].shape).toEqual([2, 8, 4, 4]);
  });

  it('takes no layer for an output of the same name', () => {
    class Odd extends Module {
      y = new Conv2d(3, 2, 1);
      loss = new Linear(32, 2);
      forward(x: Tensor): Tensor {
        return this.loss.forward(flatten(this.y.forward(x)));
      }
    }
    for (const name of ['y', 'loss', 'grad:y'])
      expect(() => trainingGraph({ module: new Odd(), inputShape, loss, optimizer, capture: [name] })).toThrow(
        /\[capture\] expected a layer of another name than the outputs y, loss, gradNorm, got '(y|loss)'/,
      );
  });

  it('refuses to train what no loss depends on', () => {
    class Blind extends Module {
      unused = new Linear(48, 5);
      forward(x: Tensor): Tensor {
        const h = flatten(x);
        this.unused.forward(h);
        return h;
      }
    }
    expect(() => trainingGraph({ module: new Blind(), inputShape, loss, optimizer })).toThrow(
      'expected a parameter that the loss depends on, got none among unused.weight',
    );
  });

  it('keeps every layer that trains apart from the batch norm that does not, and the other way round', () => {
    const updates = (trains: (key: string) => boolean) =>
      ops(trainingGraph({ module: new Net(), inputShape, loss, optimizer, trains })).filter((op) => op === 'sgdMomentum' || op === 'sgd')
        .length;
    expect(updates((key) => /^conv/.test(key))).toBe(3);
    expect(updates((key) => /^bn/.test(key))).toBe(4);
  });

  it('names layers that exist when asked for one that does not, and the module whose shapes do not fit', () => {
    const module = new Net();
    expect(() => trainingGraph({ module, inputShape, loss, optimizer, capture: ['conv9'] })).toThrow(/conv1, .*got 'conv9'/);
    expect(() => trainingGraph({ module, inputShape: [2, 3, 8, 8], loss, optimizer })).toThrow(/linear @ out/);
    expect(() => trainingGraph({ module, inputShape, loss, optimizer, trains: () => false })).toThrow(/parameter to train/);
    expect(() =>
      trainingGraph({ module, inputShape, loss, optimizer, trains: (p) => p === 'out.weight', capture: ['grad:conv1'] }),
    ).toThrow(/frozen/);
  });
});

describe('an auxiliary head', () => {
  class Two extends Net {
    aux = new Linear(3 * 4 * 4, 5);
    override readonly auxiliaryWeight = 0.4;
    override forward(x: Tensor): Tensor {
      if (x.graph.training) x.graph.output('aux', this.aux.forward(flatten(x)));
      return super.forward(x);
    }
  }

  it('counts its share of the loss in training and is absent in evaluation', () => {
    const module = new Two();
    const state = lively(module);
    const feeds = {
      x: Float32Array.from({ length: sizeOf(inputShape) }, (_, i) => Math.cos(i)),
      target: Int32Array.of(1, 3),
      lr: Float32Array.of(0),
      seed: Int32Array.of(0),
    };
    const lossOf = (weight: number) => {
      Object.assign(module, { auxiliaryWeight: weight });
      return evaluate(trainingGraph({ module, inputShape, loss, optimizer }), feeds, state).loss[0];
    };
    const [none, some, twice] = [lossOf(0), lossOf(0.4), lossOf(0.8)];
    expect(some - none).toBeGreaterThan(0.1);
    expect(twice - some).toBeCloseTo(some - none, 4);
    expect(JSON.stringify(evaluationGraph({ module, inputShape, loss }).nodes)).not.toContain('"aux"');
  });
});
