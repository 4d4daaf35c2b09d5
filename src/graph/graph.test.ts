import { describe, expect, it } from 'vitest';
import { show } from '../core/show.ts';
import { catalogue, conv2d, relu } from '../ops/index.ts';
import { sgdOp } from '../ops/sgd.ts';
import { attr, completeAttrs } from './attrs.ts';
import type { Graph } from './graph.ts';
import { printGraph } from './print.ts';
import { GraphBuilder } from './tensor.ts';
import { verify } from './verify.ts';

const small = () => {
  const graph = new GraphBuilder();
  const x = graph.input('x', [1, 2, 4, 4]);
  const y = graph.scope('conv', () => conv2d(x, graph.parameter('conv.weight', [3, 2, 3, 3])));
  graph.output('y', relu(y));
  return graph.build();
};

describe('GraphBuilder', () => {
  it('makes plain data that survives a structured clone and can be printed', () => {
    const graph = small();
    expect(structuredClone(graph)).toEqual(graph);
    expect(printGraph(graph)).toMatch(/%2 \[1,3,2,2\] = conv2d\(x, conv\.weight.*@ conv\n.*relu\(%2\)\nreturn y = %3/);
    expect(graph.scopes).toEqual({ conv: 2 });
  });
  it('refuses shapes, dtypes and attributes that do not fit, naming op and module', () => {
    const graph = new GraphBuilder();
    const x = graph.input('x', [1, 3, 8, 8]);
    const bad = () => graph.scope('layer2.0', () => conv2d(x, graph.parameter('w', [8, 64, 1, 1])));
    expect(bad).toThrow(/\[conv2d @ layer2\.0\]/);
    expect(() => relu(graph.input('i', [2], 'i32'))).toThrow(/x as f32/);
    expect(() => graph.parameter('x', [1, 3, 8, 8])).toThrow(/one meaning/);
    expect(() => relu(new GraphBuilder().input('z', [1]))).not.toThrow();
  });
});

describe('attributes', () => {
  const specs = { size: attr.int({ doc: 'px', min: 1 }), mode: attr.oneOf(['a', 'b'], { doc: 'which', default: 'a' }) };
  it('are completed by defaults and checked', () => {
    expect(completeAttrs(specs, { size: 3 }, 'op')).toEqual({ size: 3, mode: 'a' });
    for (const wrong of [{}, { size: 0 }, { size: 1.5 }, { size: 2, mode: 'c' }, { size: 2, more: 1 }])
      expect(() => completeAttrs(specs, wrong, 'op')).toThrow(/\[op\]/);
  });
});

describe('show', () => {
  it('names what JSON has no form for', () => {
    expect(show([1, Number.NaN, { a: -Infinity, b: 'x' }, null])).toBe('[1,NaN,{"a":-Infinity,"b":"x"},null]');
    expect([undefined, show, new Float32Array(2)].map(show)).toEqual([
      'nothing',
      'the function show',
      'an object of the class Float32Array',
    ]);
    expect(() => completeAttrs({ n: attr.number({ doc: '' }) }, { n: Number.NaN }, 'op')).toThrow('[op] expected n = a number, got NaN.');
  });
});

describe('verify', () => {
  it('accepts a graph as the builder makes it', () => {
    expect(() => verify(small(), catalogue)).not.toThrow();
  });
  it('finds a use before definition, a wrong shape and an unknown op', () => {
    const graph = small();
    const [conv, act] = graph.nodes;
    expect(() => verify({ ...graph, nodes: [act, conv] }, catalogue)).toThrow(/computed before/);
    const values = graph.values.map((v) => (v.id === 2 ? { ...v, shape: [1, 3, 9, 9] } : v));
    expect(() => verify({ ...graph, values }, catalogue)).toThrow(/conv2d @ conv/);
    expect(() => verify({ ...graph, nodes: [{ ...conv, op: 'convolve' }, act] }, catalogue)).toThrow(/convolve/);
  });
  it('finds a read of a parameter after it was overwritten', () => {
    const graph = new GraphBuilder();
    const w = graph.parameter('w', [2]);
    const gradient = graph.input('g', [2]);
    graph.apply(sgdOp, [w, gradient, graph.input('lr', [])]);
    graph.output('late', relu(w));
    const broken: Graph = graph.build();
    expect(() => verify(broken, catalogue)).toThrow(/overwritten by sgd/);
  });
});
