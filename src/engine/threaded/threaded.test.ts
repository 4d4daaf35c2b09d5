import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { f32, i32 } from '../../core/ndarray.ts';
import { GraphBuilder } from '../../graph/tensor.ts';
import { conv2d, crossEntropy, flatten, linear, relu } from '../../ops/index.ts';
import type { Engine } from '../engine.ts';
import { openEngine } from './index.ts';

/** A graph that takes the reference engine some 100 ms, with one output of each kind. */
function network() {
  const graph = new GraphBuilder();
  const x = graph.input('x', [2, 3, 64, 64]);
  const h = relu(conv2d(x, graph.parameter('w', [16, 3, 5, 5]), undefined, { padding: 2 }));
  const y = linear(flatten(h), graph.parameter('out', [4, 16 * 64 * 64]));
  graph.output('y', y);
  graph.output('loss', crossEntropy(y, graph.input('target', [2], 'i32')).loss);
  return graph.build();
}
const state = () =>
  new Map([
    [
      'w',
      f32(
        Float32Array.from({ length: 1200 }, (_, i) => Math.sin(i)),
        [16, 3, 5, 5],
      ),
    ],
    [
      'out',
      f32(
        Float32Array.from({ length: 4 * 65536 }, (_, i) => Math.cos(i) / 100),
        [4, 65536],
      ),
    ],
  ]);
const feeds = (phase: number) => ({
  x: f32(
    Float32Array.from({ length: 2 * 3 * 64 * 64 }, (_, i) => Math.sin(i + phase)),
    [2, 3, 64, 64],
  ),
  target: i32([0, 3]),
});

describe('an engine in its own thread', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await openEngine({ engine: 'reference' });
  });
  afterAll(() => engine.close());

  it('answers queued runs in order, each with its own numbers', async () => {
    const store = await engine.createStore();
    await store.load(state());
    const program = await engine.compile(network(), store);
    const alone = [];
    for (let phase = 0; phase < 5; phase++) alone.push(await program.run(feeds(phase)));
    const queued = await Promise.all([0, 1, 2, 3, 4].map((phase) => program.run(feeds(phase))));
    expect(queued).toEqual(alone);
    expect(new Set(alone.map(({ loss }) => loss.data[0])).size).toBe(5);
    expect((await program.profile(feeds(0), 2)).length).toBeGreaterThan(3);
  });

  it('leaves the main thread free while it computes', async () => {
    const store = await engine.createStore();
    await store.load(state());
    const program = await engine.compile(network(), store);
    const delay = monitorEventLoopDelay({ resolution: 1 });
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    delay.enable();
    const start = performance.now();
    await program.run(feeds(0));
    const took = performance.now() - start;
    clearInterval(timer);
    delay.disable();
    // Timers fired all along: had the run blocked this thread, there would be one at most.
    expect(ticks).toBeGreaterThan(Math.min(10, took / 20));
  });

  it('brings errors over with their class and words, and goes on', async () => {
    const store = await engine.createStore();
    const program = await engine.compile(network(), store);
    await expect(program.run(feeds(0))).rejects.toMatchObject({ name: 'EngineError', message: expect.stringMatching(/'?\bw\b'?/) });
    await expect(program.run({ x: f32([1]), target: i32([0, 1]) })).rejects.toThrow(/\[input 'x'\] expected f32 \[2,3,64,64\]/);
    await expect(program.run({ x: feeds(0).x })).rejects.toThrow(/input 'target'/);
    await store.load(state());
    await expect(program.run({ ...feeds(0), target: i32([0, 9]) })).rejects.toThrow(/targets from 0 to 3/);
    expect((await program.run(feeds(0))).y.shape).toEqual([2, 4]);
  });

  it('reads back what was loaded, as copies', async () => {
    const store = await engine.createStore();
    await store.load(state());
    const read = await store.read(['w']);
    expect(read.get('w')!.data).toEqual(state().get('w')!.data);
    (read.get('w')!.data as Float32Array).fill(0);
    expect((await store.read(['w'])).get('w')!.data[1]).not.toBe(0);
  });

  it('lets go of a store and of its programs, and says so if they are used again', async () => {
    const store = await engine.createStore();
    await store.load(state());
    const program = await engine.compile(network(), store);
    for (const one of [program, program, store, store]) await one.close();
    await expect(program.run(feeds(0))).rejects.toThrow('an open program');
    await expect(store.read()).rejects.toThrow('an open store');
  });

  it('refuses requests once it is closed', async () => {
    const other = await openEngine({ engine: 'reference' });
    await other.close();
    await expect(other.createStore()).rejects.toThrow(/expected an open engine, got one that was closed/);
  });

  it('lets programs and stores be closed after it', async () => {
    const other = await openEngine({ engine: 'reference' });
    const store = await other.createStore();
    await store.load(state());
    const program = await other.compile(network(), store);
    await other.close();
    for (const one of [program, store, other]) await one.close();
    await expect(program.run(feeds(0))).rejects.toThrow('an open engine');
  });

  it('takes no store of another engine, which would have other numbers under the same names', async () => {
    const other = await openEngine({ engine: 'reference' });
    const store = await other.createStore();
    await engine.createStore();
    await expect(engine.compile(network(), store)).rejects.toThrow('[compile] expected a store of this engine, got another one’s.');
    await other.close();
  });

  it('takes no input of another shape, even of as many numbers', async () => {
    const store = await engine.createStore();
    await store.load(state());
    const program = await engine.compile(network(), store);
    const { x, target } = feeds(0);
    await expect(program.run({ x: f32(x.data as Float32Array, [2, 64, 64, 3]), target })).rejects.toThrow('got f32 [2,64,64,3]');
    const short = { ...x, data: x.data.slice(1) } as typeof x;
    await expect(program.run({ x: short, target })).rejects.toThrow('got f32 [2,3,64,64] with 24575 numbers.');
  });

  it('reads feeds before a run returns, however many are queued', async () => {
    const store = await engine.createStore();
    await store.load(state());
    const program = await engine.compile(network(), store);
    const { x, target } = feeds(0);
    const phases = [0, 1, 2, 3, 4, 5];
    const alone = [];
    for (const phase of phases) alone.push((await program.run({ ...feeds(phase), target })).loss.data[0]);
    const queued = phases.map((phase) => {
      (x.data as Float32Array).set(feeds(phase).x.data as Float32Array);
      return program.run({ x, target });
    });
    expect((await Promise.all(queued)).map(({ loss }) => loss.data[0])).toEqual(alone);
  });
});

describe('openEngine', () => {
  it.each([0, -1, 1.5, Number.NaN, 1e12])('refuses %d threads', async (threads) => {
    await expect(openEngine({ engine: 'reference', threads })).rejects.toThrow('[threads] expected an integer from 1 to 1024, got');
  });

  it('refuses a library that the user named and that is not there', async () => {
    process.env.FOVEA_ONEDNN = '/nowhere/libdnnl.so';
    try {
      await expect(openEngine()).rejects.toMatchObject({ name: 'EngineError', message: expect.stringContaining('/nowhere/libdnnl.so') });
    } finally {
      delete process.env.FOVEA_ONEDNN;
    }
  });
});
