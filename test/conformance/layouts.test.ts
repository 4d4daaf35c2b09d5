import { afterAll, describe, expect, it } from 'vitest';
import { sizeOf } from '../../src/core/shape.ts';
import type { Backend } from '../../src/engine/engine.ts';
import { createReferenceBackend } from '../../src/engine/reference/backend.ts';
import { GraphBuilder } from '../../src/graph/tensor.ts';
import { conv2d, conv2dGradInput } from '../../src/ops/index.ts';
import { openOneDnn } from './open-onednn.ts';

const onednn = openOneDnn();
const reference = createReferenceBackend();
afterAll(() => onednn?.close());

const wave = (shape: readonly number[], step: number) => Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.cos(i * step) / 8);

/** Output channels, input channels of a group, groups, window. */
const sizes = [
  [6, 6, 1, 3],
  [17, 17, 1, 3],
  [6, 16, 1, 3],
  [16, 6, 1, 3],
  [24, 40, 1, 3],
  [20, 12, 1, 1],
  [34, 17, 2, 3],
  [64, 3, 1, 7],
];

/** Weights go from the store into whatever layout the primitive likes best; channels that fill no block must not get lost there. */
describe.skipIf(!onednn)('weights reach the primitives whole', () => {
  it.each(sizes)('%i × %i channels, %i groups, windows of %i', (out, into, groups, window) => {
    const shape = [out, into, window, window];
    const attrs = { stride: [1, 1], padding: [1, 1, 1, 1], dilation: [1, 1], groups, inputShape: [2, into * groups, 6, 5] };
    const graph = new GraphBuilder();
    const w = graph.parameter('w', shape);
    const x = graph.input('x', attrs.inputShape);
    const y = conv2d(x, w, undefined, { padding: 1, groups });
    graph.output('y', y);
    const forward = graph.build();
    const back = new GraphBuilder();
    const dy = back.input('dy', y.shape);
    back.output('dx', conv2dGradInput(dy, back.parameter('w', shape), attrs as never));
    const backward = back.build();
    const run = (backend: Backend, first: 'forward' | 'backward') => {
      const store = backend.createStore();
      store.load(new Map([['w', { dtype: 'f32', shape, data: wave(shape, 0.7) }]]));
      const programs = { forward, backward };
      const order = first === 'forward' ? (['forward', 'backward'] as const) : (['backward', 'forward'] as const);
      const feeds = { x: wave(x.shape, 0.3), dy: wave(dy.shape, 0.9) };
      return Object.assign({}, ...order.map((name) => structuredClone(backend.compile(programs[name], store).run(feeds as never))));
    };
    const expected = run(reference, 'forward');
    for (const first of ['forward', 'backward'] as const) {
      const found = run(onednn!, first);
      for (const name of ['y', 'dx'])
        expect(
          Math.max(...expected[name].map((v: number, i: number) => Math.abs(v - found[name][i]))),
          `${name}, ${first} first`,
        ).toBeLessThan(1e-4);
    }
  });
});
