import { afterAll, describe, expect, it } from 'vitest';
import { sizeOf } from '../../src/core/shape.ts';
import type { Backend } from '../../src/engine/engine.ts';
import { createReferenceBackend } from '../../src/engine/reference/backend.ts';
import type { Graph } from '../../src/graph/graph.ts';
import { GraphBuilder, type Tensor } from '../../src/graph/tensor.ts';
import { add, concat, conv2d, relu } from '../../src/ops/index.ts';
import { openOneDnn } from './open-onednn.ts';

const onednn = openOneDnn();
const reference = createReferenceBackend();
afterAll(() => onednn?.close());

const wave = (shape: readonly number[], step: number) => Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.cos(i * step));

interface Row {
  title: string;
  /** Channels of every part. */
  channels?: number;
  batch?: number;
  /** How many of the concatenations have something left to do. */
  remain: number;
  build: (part: (from: Tensor) => Tensor, x: Tensor) => Tensor[];
}

const rows: Row[] = [
  { title: 'two parts', remain: 0, build: (part, x) => [part(concat([part(x), part(x)]))] },
  {
    title: 'a dense chain, activated in between',
    remain: 0,
    build: (part, x) => {
      const parts = [part(x)];
      for (let k = 0; k < 4; k++) parts.push(part(relu(concat(parts))));
      return [relu(concat(parts))];
    },
  },
  { title: 'a join of joins', remain: 0, build: (part, x) => [part(concat([concat([part(x), part(x)]), part(x)]))] },
  {
    title: 'a part that is activated before and after',
    remain: 0,
    build: (part, x) => {
      const [a, b] = [part(x), part(x)];
      const before = part(relu(a));
      const joined = concat([a, b]);
      return [part(joined), relu(a), before, relu(joined)];
    },
  },
  {
    title: 'parts that are asked for, and their sum',
    remain: 0,
    build: (part, x) => {
      const [a, b] = [part(x), part(x)];
      const joined = concat([a, b]);
      return [a, joined, relu(b), add(a, b), part(joined)];
    },
  },
  {
    title: 'nothing, but a result that is asked for and activated',
    remain: 0,
    build: (_, x) => {
      const sum = add(x, x);
      return [sum, relu(sum)];
    },
  },
  {
    title: 'a part twice',
    remain: 1,
    build: (part, x) => {
      const a = part(x);
      return [part(concat([a, a]))];
    },
  },
  {
    title: 'two orders of the same parts',
    remain: 1,
    build: (part, x) => {
      const [a, b] = [part(x), part(x)];
      return [part(concat([a, b])), part(concat([b, a]))];
    },
  },
  { title: 'channels that fill no block', channels: 17, remain: 1, build: (part, x) => [part(concat([part(x), part(x)]))] },
  { title: 'two pictures', batch: 2, remain: 1, build: (part, x) => [part(concat([part(x), part(x)]))] },
  { title: 'the input itself', remain: 1, build: (_, x) => [relu(concat([x, x]))] },
];

function graphOf({ build, channels = 16, batch = 1 }: Row) {
  const builder = new GraphBuilder();
  const weights: [string, number[]][] = [];
  const part = (from: Tensor) => {
    const shape = [channels, from.shape[1], 3, 3];
    weights.push([`w${weights.length}`, shape]);
    return conv2d(from, builder.parameter(weights.at(-1)![0], shape), undefined, { padding: 1 });
  };
  const shape = [batch, 3, 6, 5];
  for (const [i, y] of build(part, builder.input('x', shape)).entries()) builder.output(`y${i}`, y);
  const state = new Map(weights.map(([name, dims], i) => [name, { dtype: 'f32' as const, shape: dims, data: wave(dims, 0.3 + i) }]));
  return { graph: builder.build(), state, feeds: { x: wave(shape, 0.7) } };
}

function runOn(backend: Backend, { graph, state, feeds }: ReturnType<typeof graphOf>) {
  const store = backend.createStore();
  store.load(state);
  const program = backend.compile(graph as Graph, store);
  program.run(feeds);
  const outputs = Object.fromEntries(Object.entries(program.run(feeds)).map(([name, array]) => [name, Float32Array.from(array)]));
  return { outputs, steps: program.profile(feeds, 1).map(({ name }) => name) };
}

/** A concatenation may be left out by letting its parts be written where it would put them; no number may change by that. */
describe.skipIf(!onednn)('concatenations in place', () => {
  it.each(rows)('$title', (row) => {
    const work = graphOf(row);
    const { outputs, steps } = runOn(onednn!, work);
    for (const [name, truth] of Object.entries(runOn(reference, work).outputs)) {
      const scale = truth.reduce((max, value) => Math.max(max, Math.abs(value)), 1);
      const worst = truth.reduce((max, value, i) => Math.max(max, Math.abs(value - outputs[name][i])), 0);
      expect(worst / scale, name).toBeLessThan(1e-5);
    }
    expect(steps.filter((name) => name.startsWith('concat'))).toHaveLength(row.remain);
  });
});
