import { describe, expect, it } from 'vitest';
import { evaluationGraph } from '../compile/step.ts';
import type { Tensor } from '../graph/tensor.ts';
import { createModel } from '../models/index.ts';
import { Linear } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { flatten } from '../ops/index.ts';
import { penultimateGraph } from './penultimate.ts';

class One extends Module {
  out = new Linear(12, 3);
  forward(x: Tensor): Tensor {
    return this.out.forward(flatten(x));
  }
}

describe('penultimateGraph', () => {
  it.each([
    ['alexnet', 4096, 224, 'classifier.6'],
    ['vgg11_bn', 4096, 224, 'classifier.6'],
    ['resnet18', 512, 224, 'fc'],
    ['resnet50', 2048, 224, 'fc'],
    ['squeezenet1_0', 512, 224, 'classifier.1'],
    ['squeezenet1_1', 512, 64, 'classifier.1'],
    ['densenet121', 1024, 224, 'classifier'],
    ['inception_v3', 2048, 299, 'fc'],
  ])('cuts %s before its head: %i features', (name, size, side, head) => {
    const graph = evaluationGraph({ module: createModel(name, { classes: 5 }), inputShape: [2, 3, side, side] });
    const { values, outputs } = penultimateGraph(graph);
    expect(Object.keys(outputs)).toEqual(['features']);
    expect(values[outputs.features].shape).toEqual([2, size]);
    const weights = ({ values }: { values: typeof graph.values }) => values.filter(({ role }) => role === 'parameter').map((v) => v.name);
    expect(weights({ values })).toEqual(weights(graph).filter((key) => !key.startsWith(`${head}.`)));
  });

  it('refuses a network of one layer', () => {
    expect(() => penultimateGraph(evaluationGraph({ module: new One(), inputShape: [1, 3, 2, 2] }))).toThrow(/two layers/);
  });
});
