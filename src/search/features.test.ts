import { describe, expect, it } from 'vitest';
import { evaluationGraph } from '../compile/index.ts';
import { ShapeError } from '../core/errors.ts';
import type { NumberArray, StateDict } from '../core/ndarray.ts';
import { Rng } from '../core/rng.ts';
import { sizeOf } from '../core/shape.ts';
import { evaluate } from '../engine/reference/evaluate.ts';
import type { Tensor } from '../graph/tensor.ts';
import { createModel } from '../models/index.ts';
import { AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Dropout, initialState, Linear, Module } from '../nn/index.ts';
import { flatten, relu } from '../ops/index.ts';
import { featureGraph } from './features.ts';

class LinearHead extends Module {
  conv = new Conv2d(3, 6, 3, { padding: 1, bias: false });
  bn = new BatchNorm2d(6);
  drop = new Dropout(0.5);
  out = new Linear(6 * 4 * 4, 5);
  forward(x: Tensor): Tensor {
    return this.out.forward(this.drop.forward(flatten(relu(this.bn.forward(this.conv.forward(x))))));
  }
}

/** Classifies every position and takes the mean, as SqueezeNet does. */
class ConvHead extends Module {
  conv = new Conv2d(3, 6, 3, { padding: 1 });
  out = new Conv2d(6, 5, 1);
  pool = new AdaptiveAvgPool2d(1);
  forward(x: Tensor): Tensor {
    return flatten(this.pool.forward(this.out.forward(relu(this.conv.forward(x)))));
  }
}

const inputShape = [2, 3, 4, 4];
const rng = new Rng('features');
const x = Float32Array.from({ length: sizeOf(inputShape) }, () => rng.normal());

/** The head applied to features by hand. */
function scores(features: NumberArray, state: StateDict): number[] {
  const [weight, bias] = [state.get('out.weight')!, state.get('out.bias')!];
  const [classes, size] = weight.shape;
  const score = (row: number, k: number) =>
    Array.from({ length: size }, (_, i) => Number(weight.data[k * size + i]) * features[row * size + i]).reduce((a, b) => a + b);
  return [0, 1].flatMap((row) => Array.from({ length: classes }, (_, k) => score(row, k) + Number(bias.data[k])));
}

describe('featureGraph', () => {
  it.each([
    ['a linear head', new LinearHead(), 96],
    ['a convolutional head, averaged over positions', new ConvHead(), 6],
  ])('gives what the last layer makes its scores of: %s', (_, module, size) => {
    const state = initialState(module, 3);
    for (const [name, { data }] of state)
      if (name.startsWith('bn')) (data as Float32Array).set((data as Float32Array).map((v, i) => v + 0.5 + 0.1 * i));
    const graph = featureGraph(module, inputShape);
    expect(graph.values[graph.outputs.features].shape).toEqual([2, size]);
    expect(graph.values.some(({ name }) => name.startsWith('out'))).toBe(false);
    const { features } = evaluate(graph, { x }, state);
    const { y: whole } = evaluate(evaluationGraph({ module, inputShape }), { x }, state);
    scores(features, state).forEach((score, i) => {
      expect(score).toBeCloseTo(whole[i], 4);
    });
  });

  it.each([
    ['alexnet', 4096],
    ['vgg11', 4096],
    ['resnet18', 512],
    ['squeezenet1_0', 512],
    ['densenet121', 1024],
    ['inception_v3', 2048],
    ['course-cnn', 1568],
  ])('finds the last layer of %s: %d features', (name, size) => {
    const module = createModel(name, { classes: 7 });
    const side = { 'course-cnn': 28, inception_v3: 299 }[name] ?? 224;
    const graph = featureGraph(module, [2, name === 'course-cnn' ? 1 : 3, side, side]);
    expect(graph.values[graph.outputs.features].shape).toEqual([2, size]);
  });

  it('refuses a network that has only one layer', () => {
    class Single extends Module {
      out = new Linear(48, 5);
      forward(h: Tensor): Tensor {
        return this.out.forward(flatten(h));
      }
    }
    class Only extends Module {
      out = new Conv2d(3, 5, 4);
      forward(h: Tensor): Tensor {
        return this.out.forward(h);
      }
    }
    expect(() => featureGraph(new Only(), inputShape)).toThrow(ShapeError);
    expect(() => featureGraph(new Only(), inputShape)).toThrow(/two layers or more/);
    expect(() => featureGraph(new Single(), inputShape)).toThrow(/two layers or more/);
  });
});
