import { describe, expect, it } from 'vitest';
import { Rng } from '../core/rng.ts';
import { evaluate } from '../engine/reference/evaluate.ts';
import { differentiate } from '../graph/gradient.ts';
import type { Graph } from '../graph/graph.ts';
import { GraphBuilder, type Tensor } from '../graph/tensor.ts';
import { add, catalogue, fill, type MaxPool2dOptions, maxPool2d, mseLoss, relu } from '../ops/index.ts';
import { eliminateDead } from './eliminate.ts';
import { maskPooled } from './mask-pooled.ts';

/** The gradient of `head(relu(x))` at x. */
function gradientGraph(head: (y: Tensor) => Tensor): Graph {
  const graph = new GraphBuilder();
  const x = graph.parameter('x', [2, 3, 7, 6]);
  const pooled = head(relu(x));
  const loss = mseLoss(pooled, graph.input('target', pooled.shape));
  graph.output('loss', loss);
  const seed = (builder: GraphBuilder) => new Map([[loss.id, fill(builder, 1, [])]]);
  const { builder, gradients } = differentiate({ graph: graph.build(), catalogue, wrt: [x.id], seed, accumulate: add });
  builder.output('gradient', gradients.get(x.id)!);
  return builder.build();
}

const numbers = (size: number, seed: string) => {
  const rng = new Rng(seed);
  return Float32Array.from({ length: size }, () => rng.normal() - 0.5);
};
const ops = (graph: Graph) => eliminateDead(graph, catalogue).nodes.map(({ op }) => op);
const backward = (graph: Graph) => ops(graph).filter((op) => /^(relu|maxPool2d)Grad$/.test(op));

describe('maskPooled', () => {
  it.each<[string, number, MaxPool2dOptions]>([
    ['windows side by side', 2, {}],
    ['windows that overlap', 3, { stride: 1, padding: 1 }],
    ['a cut last window', 3, { stride: 2, ceilMode: true }],
  ])('masks before it spreads, with the same bits: %s', (_, kernel, options) => {
    const before = gradientGraph((y) => maxPool2d(y, kernel, options));
    const after = maskPooled(before, catalogue);
    expect(backward(before)).toEqual(['maxPool2dGrad', 'reluGrad']);
    expect(backward(after)).toEqual(['reluGrad', 'maxPool2dGrad']);
    const target = before.values.find(({ name }) => name === 'target')!;
    const feeds = {
      target: numbers(
        target.shape.reduce((a, b) => a * b),
        'target',
      ),
    };
    const state = new Map([['x', { dtype: 'f32', shape: [2, 3, 7, 6], data: numbers(252, 'x') }] as const]);
    const expected = evaluate(before, feeds, state).gradient;
    expect(expected.some((value) => value !== 0)).toBe(true);
    expect(evaluate(after, feeds, state).gradient).toEqual(expected);
  });

  it('leaves a picture alone that is read beside the pooling', () => {
    const graph = gradientGraph((y) => add(maxPool2d(y, 3, { stride: 1, padding: 1 }), y));
    expect(backward(maskPooled(graph, catalogue))).toEqual(['maxPool2dGrad', 'reluGrad']);
  });
});
