import { planMemory } from '../../compile/plan-memory.ts';
import { EngineError } from '../../core/errors.ts';
import { bytesPerElement, type NumberArray, viewOf } from '../../core/ndarray.ts';
import { sizeOf } from '../../core/shape.ts';
import { type Graph, recordOf, verify } from '../../graph/index.ts';
import { catalogue } from '../../ops/catalogue.ts';
import type { BackendProgram, MemoryUse, RawFeeds, StepTime } from '../engine.ts';
import { bind } from './feeds.ts';
import { type Arrays, type Step, stepsOf, storageOf } from './interpreter.ts';
import type { ReferenceStore } from './store.ts';

/** A graph over a store, with its intermediate arrays placed in one buffer. */
export class ReferenceProgram implements BackendProgram {
  readonly #graph: Graph;
  readonly #store: ReferenceStore;
  readonly #steps: readonly Step[];
  readonly #outputs: readonly (readonly [string, number])[];
  readonly #planned: { arenaBytes: number; unsharedBytes: number };
  #arrays: Arrays;
  #closed = false;

  constructor(graph: Graph, store: ReferenceStore) {
    verify(graph, catalogue);
    this.#graph = graph;
    this.#store = store;
    this.#steps = stepsOf(graph);
    const storage = storageOf(graph);
    this.#outputs = Object.entries(graph.outputs).map(([name, id]) => [name, storage[id]]);
    const { arrays, ...planned } = placeResults(graph);
    this.#arrays = arrays;
    this.#planned = planned;
  }

  get memory(): MemoryUse {
    return { ...this.#planned, storeBytes: this.#store.bytes };
  }

  run(feeds: RawFeeds): Record<string, NumberArray> {
    this.#bind(feeds);
    for (const step of this.#steps) step.run(this.#arrays);
    return Object.fromEntries(this.#outputs.map(([name, id]) => [name, this.#arrays[id]!]));
  }

  profile(feeds: RawFeeds, repeats: number): StepTime[] {
    this.#bind(feeds);
    const times = this.#steps.map((): number[] => []);
    for (let repeat = 0; repeat < repeats; repeat++)
      this.#steps.forEach((step, i) => {
        const start = performance.now();
        step.run(this.#arrays);
        times[i].push(performance.now() - start);
      });
    return this.#steps.map(({ op, path, flops }, i) => ({
      name: `kernel:${op}`,
      path,
      implementation: 'typescript',
      ms: median(times[i]),
      flops,
    }));
  }

  close(): void {
    this.#closed = true;
    this.#arrays = [];
  }

  #bind(feeds: RawFeeds): void {
    if (this.#closed) throw new EngineError({ where: 'run', expected: 'an open program', got: 'one that was closed' });
    bind(this.#graph, this.#arrays, feeds, (name) => this.#store.get(name));
  }
}

/** Arrays for everything the nodes compute, sharing bytes where lifetimes allow. */
function placeResults(graph: Graph): { arrays: Arrays; arenaBytes: number; unsharedBytes: number } {
  const end = graph.nodes.length;
  const first = new Map<number, number>();
  const last = new Map<number, number>();
  graph.nodes.forEach((node, step) => {
    const { inPlace } = recordOf(catalogue, node.op);
    node.outputs.forEach((id, i) => {
      if (i in inPlace) return;
      first.set(id, step);
      last.set(id, step);
    });
    for (const id of node.inputs) if (id !== null && first.has(id)) last.set(id, step);
  });
  for (const id of Object.values(graph.outputs)) if (first.has(id)) last.set(id, end);
  const ids = [...first.keys()];
  const bytesOf = (id: number) => sizeOf(graph.values[id].shape) * bytesPerElement(graph.values[id].dtype);
  const plan = planMemory(ids.map((id) => ({ bytes: bytesOf(id), first: first.get(id)!, last: last.get(id)! })));
  const arena = new ArrayBuffer(plan.arenaBytes);
  const arrays: Arrays = new Array(graph.values.length);
  ids.forEach((id, i) => {
    const { dtype, shape } = graph.values[id];
    arrays[id] = viewOf(dtype, arena, plan.offsets[i], sizeOf(shape)) as NumberArray;
  });
  return { arrays, arenaBytes: plan.arenaBytes, unsharedBytes: plan.unsharedBytes };
}

const median = (times: readonly number[]): number => times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0;
