import { Worker } from 'node:worker_threads';
import { EngineError } from '../../core/errors.ts';
import type { NdArray, NumberArray, StateDict } from '../../core/ndarray.ts';
import type { Graph } from '../../graph/graph.ts';
import { checkFeed } from '../check-feed.ts';
import type { Engine, EngineInfo, Feeds, MemoryUse, Program, Results, StepTime, Store } from '../engine.ts';
import { Connection } from './connection.ts';
import type { EngineOptions } from './index.ts';
import { fromFailure, type Greeting, type SlotLayout, slotArrays, slotLayout } from './protocol.ts';

/** Runs of one program that may be under way: one computes, one waits with its numbers in place, one is being written or read. */
const SLOTS = 3;

/** Starts an engine in a worker thread and waits until it has opened its library. */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  // How long OpenMP's threads spin before they sleep, if the user has not said: libgomp's own count lets a barrier burn a whole time slice
  // whenever another process wants a core, which makes steps up to twenty times slower. Only the main thread's environment reaches libgomp.
  process.env.GOMP_SPINCOUNT ??= '10000';
  // The caller's own flags, such as `--input-type`, are not for the worker.
  const worker = new Worker(workerFile(), { workerData: options, execArgv: [] });
  const greeting = await new Promise<Greeting>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  if ('error' in greeting) throw fromFailure(greeting.error);
  return new ThreadedEngine(greeting.info, new Connection(worker));
}

/** A worker cannot load TypeScript on every Node we support: from source, the built file serves. */
const workerFile = (): URL =>
  new URL(import.meta.url.endsWith('.ts') ? '../../../dist/engine/threaded/worker.js' : './worker.js', import.meta.url);

class ThreadedEngine implements Engine {
  readonly info: EngineInfo;
  readonly #connection: Connection;

  constructor(info: EngineInfo, connection: Connection) {
    this.info = info;
    this.#connection = connection;
  }

  async createStore(): Promise<Store> {
    return new ThreadedStore(this.#connection, await this.#connection.ask({ kind: 'createStore' }));
  }

  async compile(graph: Graph, store: Store): Promise<Program> {
    if (!(store instanceof ThreadedStore && store.connection === this.#connection))
      throw new EngineError({ where: 'compile', expected: 'a store of this engine', got: 'another one’s' });
    const layout = slotLayout(graph);
    const slots = Array.from({ length: SLOTS }, () => new SharedArrayBuffer(layout.bytes));
    const { program, memory } = await this.#connection.ask({ kind: 'compile', graph, store: store.id, slots });
    return new ThreadedProgram(this.#connection, program, memory, layout, slots);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}

class ThreadedStore implements Store {
  readonly connection: Connection;
  readonly id: number;

  constructor(connection: Connection, id: number) {
    this.connection = connection;
    this.id = id;
  }

  async load(state: StateDict): Promise<void> {
    // One by one: a message copies what it carries, and a large network's numbers should not lie there twice.
    for (const entry of state) await this.connection.ask({ kind: 'load', store: this.id, state: [entry] });
  }

  async read(names?: readonly string[]): Promise<StateDict> {
    return new Map(await this.connection.ask({ kind: 'read', store: this.id, names }));
  }

  close(): Promise<void> {
    return this.connection.release({ kind: 'closeStore', store: this.id });
  }
}

class ThreadedProgram implements Program {
  readonly memory: MemoryUse;
  readonly #connection: Connection;
  readonly #id: number;
  readonly #layout: SlotLayout;
  readonly #slots: readonly SharedArrayBuffer[];
  readonly #free: number[];
  readonly #waiting: ((slot: number) => void)[] = [];

  constructor(connection: Connection, id: number, memory: MemoryUse, layout: SlotLayout, slots: readonly SharedArrayBuffer[]) {
    this.#connection = connection;
    this.#id = id;
    this.memory = memory;
    this.#layout = layout;
    this.#slots = slots;
    this.#free = [...slots.keys()];
  }

  run(feeds: Feeds): Promise<Results> {
    return this.#withSlot(feeds, async (slot) => {
      await this.#connection.ask({ kind: 'run', program: this.#id, slot });
      return this.#results(slot);
    });
  }

  profile(feeds: Feeds, repeats: number): Promise<StepTime[]> {
    return this.#withSlot(feeds, (slot) => this.#connection.ask({ kind: 'profile', program: this.#id, slot, repeats }));
  }

  close(): Promise<void> {
    return this.#connection.release({ kind: 'closeProgram', program: this.#id });
  }

  async #withSlot<T>(feeds: Feeds, body: (slot: number) => Promise<T>): Promise<T> {
    const free = this.#free.shift();
    // The caller may use its arrays again as soon as the call returns.
    const numbers = free === undefined ? this.#copyOf(feeds) : feeds;
    const slot = free ?? (await new Promise<number>((resolve) => this.#waiting.push(resolve)));
    try {
      this.#write(numbers, slot);
      return await body(slot);
    } finally {
      const next = this.#waiting.shift();
      if (next) next(slot);
      else this.#free.push(slot);
    }
  }

  #copyOf(feeds: Feeds): Feeds {
    const wanted = this.#layout.fields.filter(({ name, way }) => way === 'in' && feeds[name]);
    return Object.fromEntries(wanted.map(({ name }) => [name, { ...feeds[name], data: feeds[name].data.slice() } as NdArray]));
  }

  #write(feeds: Feeds, slot: number): void {
    const arrays = slotArrays(this.#layout, this.#slots[slot], 'in');
    for (const { name, way, type } of this.#layout.fields) {
      if (way === 'out') continue;
      const feed = feeds[name];
      checkFeed(name, type, feed);
      arrays[name].set(feed.data as NumberArray);
    }
  }

  #results(slot: number): Results {
    const arrays = slotArrays(this.#layout, this.#slots[slot], 'out');
    const outputs = this.#layout.fields.filter(({ way }) => way === 'out');
    // Copies: the slot's memory is written again by a later run.
    return Object.fromEntries(
      outputs.map(({ name, type: { shape, dtype } }) => [name, { dtype, shape, data: arrays[name].slice() } as NdArray]),
    );
  }
}
