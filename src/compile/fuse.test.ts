import { describe, expect, it } from 'vitest';
import type { Graph } from '../graph/graph.ts';
import { GraphBuilder } from '../graph/tensor.ts';
import { add, catalogue, conv2d, flatten, linear, maxPool2d, relu } from '../ops/index.ts';
import { eliminateDead } from './eliminate.ts';
import { fuse } from './fuse.ts';

const ops = (graph: Graph) => eliminateDead(graph, catalogue).nodes.map(({ op }) => op);
const start = () => {
  const graph = new GraphBuilder();
  return { graph, x: graph.input('x', [2, 4, 6, 6]), w: graph.parameter('w', [4, 4, 3, 3]), b: graph.parameter('b', [4]) };
};

describe('fuse', () => {
  it('puts an activation into the convolution before it', () => {
    const { graph, x, w, b } = start();
    graph.output('y', relu(conv2d(x, w, b, { padding: 1 })));
    const fused = fuse(graph.build(), catalogue);
    expect(ops(fused)).toEqual(['conv2d']);
    expect(fused.nodes[0].attrs.activation).toBe('relu');
  });

  it('puts a sum and the activation after it into a convolution, whichever side it stands on', () => {
    for (const flip of [false, true]) {
      const { graph, x, w, b } = start();
      const y = conv2d(x, w, b, { padding: 1 });
      graph.output('y', relu(flip ? add(x, y) : add(y, x)));
      const fused = fuse(graph.build(), catalogue);
      expect(ops(fused)).toEqual(['conv2d']);
      expect(fused.nodes[0].attrs.activation).toBe('relu');
      expect(fused.nodes[0].inputs[3]).toBe(x.id);
    }
  });

  it('moves the absorbing convolution behind the term it adds', () => {
    const { graph, x, w, b } = start();
    const early = conv2d(x, w, b, { padding: 1 });
    const late = relu(maxPool2d(x, 3, { stride: 1, padding: 1 }));
    graph.output('y', add(early, late));
    expect(ops(fuse(graph.build(), catalogue))).toEqual(['maxPool2d', 'relu', 'conv2d']);
  });

  it('takes the flatten out of the way of a linear layer', () => {
    const { graph, x } = start();
    graph.output('y', linear(flatten(x), graph.parameter('out', [10, 144])));
    expect(ops(fuse(graph.build(), catalogue))).toEqual(['linear']);
  });

  it('leaves alone what somebody else reads or a run returns', () => {
    const { graph, x, w, b } = start();
    const y = conv2d(x, w, b, { padding: 1 });
    graph.output('before', y);
    graph.output('after', relu(y));
    expect(ops(fuse(graph.build(), catalogue))).toEqual(['conv2d', 'relu']);
    const twice = start();
    const z = conv2d(twice.x, twice.w, twice.b, { padding: 1 });
    twice.graph.output('y', add(relu(z), z));
    expect(ops(fuse(twice.graph.build(), catalogue))).toEqual(['conv2d', 'relu', 'add']);
  });

  it('does not add a convolution to itself', () => {
    const { graph, x, w, b } = start();
    const y = conv2d(x, w, b, { padding: 1 });
    graph.output('y', add(y, y));
    expect(ops(fuse(graph.build(), catalogue))).toEqual(['conv2d', 'add']);
  });
});
