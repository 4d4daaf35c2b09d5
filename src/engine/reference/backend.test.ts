import { describe, expect, it } from 'vitest';
import { EngineError, f32 } from '../../core/index.ts';
import { type Graph, GraphBuilder } from '../../graph/index.ts';
import { add, batchNorm2d, mul, relu, scale, slice, zeroPadOp } from '../../ops/index.ts';
import { LocalEngine } from '../local.ts';
import { createReferenceBackend, evaluate } from './backend.ts';

/** y = relu(w·x)·4, by way of more arrays than live at one time. */
function chain(): Graph {
  const graph = new GraphBuilder();
  let y = relu(mul(graph.input('x', [2, 3]), graph.parameter('w', [2, 3])));
  for (let i = 0; i < 2; i++) y = add(y, scale(y, 1));
  graph.output('y', y);
  return graph.build();
}

const x = Float32Array.of(1, 2, 3, -1, -2, -3);
const w = f32([1, 1, 2, 1, 1, -1], [2, 3]);
const expected = [4, 8, 24, 0, 0, 12];

function open(graph: Graph) {
  const backend = createReferenceBackend();
  const store = backend.createStore();
  return { store, program: backend.compile(graph, store) };
}

describe('reference backend', () => {
  it('computes, run after run, in fewer bytes than the arrays take side by side', () => {
    const { store, program } = open(chain());
    store.load(new Map([['w', w]]));
    for (let i = 0; i < 3; i++) expect([...program.run({ x }).y]).toEqual(expected);
    expect(program.memory.arenaBytes).toBeLessThan(program.memory.unsharedBytes);
    expect(program.memory.storeBytes).toBe(24);
  });

  it('hands zeroed arrays to ops, whatever lay there before', () => {
    const graph = new GraphBuilder();
    const dead = scale(graph.input('x', [4]), 5);
    const part = slice(scale(dead, 2), [0], [2]);
    graph.output('y', graph.apply(zeroPadOp, [part], { begin: [1], size: [4] })[0]);
    const { program } = open(graph.build());
    for (let i = 0; i < 2; i++) expect([...program.run({ x: Float32Array.of(1, 2, 3, 4) }).y]).toEqual([0, 10, 20, 0]);
  });

  it('ignores feeds it does not know and refuses by name what is missing or does not fit', () => {
    const { store, program } = open(chain());
    expect(() => program.run({ x })).toThrow("parameter 'w' [2,3] in the store, got nothing");
    store.load(new Map([['w', f32([1, 2])]]));
    expect(() => program.run({ x })).toThrow("parameter 'w' [2,3] in the store, got [2]");
    store.load(new Map([['w', w]]));
    expect([...program.run({ x, other: x }).y]).toEqual(expected);
    expect(() => program.run({})).toThrow("6 f32 numbers [2,3] for input 'x', got nothing");
    expect(() => program.run({ x: x.subarray(1) })).toThrow("input 'x', got 5");
    expect(() => program.run({ x: new Int32Array(6) })).toThrow("input 'x', got 6 in a Int32Array");
    expect(() => store.read(['nothing'])).toThrow(EngineError);
    expect(() => store.load(new Map([['w', { dtype: 'f64', shape: [1], data: new Float64Array(1) }]]))).toThrow("'w' as f32, got f64");
  });

  it('keeps states that ops overwrite, and hands out copies', () => {
    const graph = new GraphBuilder({ training: true });
    const [weight, bias] = ['weight', 'bias'].map((name) => graph.parameter(name, [1]));
    const [runningMean, runningVar] = ['mean', 'var'].map((name) => graph.state(name, [1]));
    graph.output('y', batchNorm2d(graph.input('x', [2, 1, 1, 1]), { weight, bias, runningMean, runningVar }, { momentum: 0.5 }));
    const { store, program } = open(graph.build());
    const initial = f32([8]);
    store.load(new Map(['weight', 'bias', 'mean', 'var'].map((name) => [name, initial])));
    program.run({ x: Float32Array.of(1, 3) });
    program.run({ x: Float32Array.of(1, 3) });
    const read = store.read(['mean']);
    expect(read.get('mean')!.data[0]).toBe(3.5);
    expect(initial.data[0]).toBe(8);
    read.get('mean')!.data[0] = 0;
    expect(store.read(['mean']).get('mean')!.data[0]).toBe(3.5);
  });

  it('times every node', () => {
    const { store, program } = open(chain());
    store.load(new Map([['w', w]]));
    const times = program.profile({ x }, 3);
    expect(times.map((t) => t.name)).toEqual(['mul', 'relu', 'scale', 'add', 'scale', 'add'].map((op) => `kernel:${op}`));
    expect(times.every((t) => t.ms >= 0 && t.flops === 6 && t.implementation === 'typescript')).toBe(true);
  });

  it('does not run a closed program', () => {
    const { program } = open(chain());
    program.close();
    expect(() => program.run({ x })).toThrow('closed');
  });

  it('evaluates in double precision where asked to', () => {
    const graph = new GraphBuilder();
    graph.output('y', scale(graph.input('x', [1]), 0.1));
    expect(evaluate(graph.build(), { x: Float64Array.of(3) }, new Map(), 'f64').y[0]).toBe(0.1 * 3);
    expect(evaluate(graph.build(), { x: Float32Array.of(3) }, new Map()).y[0]).toBe(Math.fround(0.1 * 3));
  });
});

describe('LocalEngine', () => {
  it('returns copies with shapes, and rejects instead of throwing', async () => {
    const engine = new LocalEngine(createReferenceBackend());
    const store = await engine.createStore();
    const program = await engine.compile(chain(), store);
    const feeds = { x: { dtype: 'f32', shape: [2, 3], data: x } } as const;
    await expect(program.run(feeds)).rejects.toThrow("parameter 'w'");
    await store.load(new Map([['w', w]]));
    const first = await program.run(feeds);
    await program.run({ x: { ...feeds.x, data: new Float32Array(6) } });
    expect(first.y).toEqual({ dtype: 'f32', shape: [2, 3], data: Float32Array.from(expected) });
    expect((await store.read()).get('w')).toEqual(w);
    await engine.close();
    await engine.close();
    await expect(engine.createStore()).rejects.toThrow('closed');
  });

  it('refuses a store of another engine', async () => {
    const [a, b] = [
      new LocalEngine(createReferenceBackend()),
      { load: async () => {}, read: async () => new Map(), close: async () => {} },
    ];
    await expect(a.compile(chain(), b)).rejects.toThrow('a store of this engine');
  });
});
