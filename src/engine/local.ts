import { EngineError } from '../core/errors.ts';
import type { NdArray, NumberArray, StateDict } from '../core/ndarray.ts';
import type { Graph } from '../graph/graph.ts';
import { checkFeed } from './check-feed.ts';
import type {
  Backend,
  BackendProgram,
  BackendStore,
  Engine,
  EngineInfo,
  Feeds,
  MemoryUse,
  Program,
  RawFeeds,
  Results,
  StepTime,
  Store,
} from './engine.ts';

/**
 * A backend behind the asynchronous interface, in this thread: calls compute before they return, the thread is busy meanwhile.
 *
 * @example const engine = new LocalEngine(createReferenceBackend());
 */
export class LocalEngine implements Engine {
  readonly info: EngineInfo;
  readonly #backend: Backend;
  readonly #stores = new WeakSet<Store>();
  #closed = false;

  constructor(backend: Backend) {
    this.info = backend.info;
    this.#backend = backend;
  }

  async createStore(): Promise<Store> {
    this.#expectOpen();
    const store = new LocalStore(this.#backend.createStore());
    this.#stores.add(store);
    return store;
  }

  async compile(graph: Graph, store: Store): Promise<Program> {
    this.#expectOpen();
    if (!(store instanceof LocalStore && this.#stores.has(store)))
      throw new EngineError({ where: 'compile', expected: 'a store of this engine', got: 'another one’s' });
    return new LocalProgram(graph, this.#backend.compile(graph, store.inner));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#backend.close();
  }

  #expectOpen(): void {
    if (this.#closed) throw new EngineError({ where: this.info.name, expected: 'an open engine', got: 'one that was closed' });
  }
}

class LocalStore implements Store {
  readonly inner: BackendStore;

  constructor(inner: BackendStore) {
    this.inner = inner;
  }

  async load(state: StateDict): Promise<void> {
    this.inner.load(state);
  }

  async read(names?: readonly string[]): Promise<StateDict> {
    return this.inner.read(names);
  }

  /** The collector takes it when the caller lets go of it. */
  async close(): Promise<void> {}
}

class LocalProgram implements Program {
  readonly #graph: Graph;
  readonly #inner: BackendProgram;

  constructor(graph: Graph, inner: BackendProgram) {
    this.#graph = graph;
    this.#inner = inner;
  }

  get memory(): MemoryUse {
    return this.#inner.memory;
  }

  async run(feeds: Feeds): Promise<Results> {
    const results = Object.entries(this.#inner.run(this.#numbersOf(feeds))).map(([name, array]): [string, NdArray] => {
      const { dtype, shape } = this.#graph.values[this.#graph.outputs[name]];
      return [name, { dtype, shape, data: array.slice() } as NdArray];
    });
    return Object.fromEntries(results);
  }

  async profile(feeds: Feeds, repeats: number): Promise<StepTime[]> {
    return this.#inner.profile(this.#numbersOf(feeds), repeats);
  }

  async close(): Promise<void> {
    this.#inner.close();
  }

  #numbersOf(feeds: Feeds): RawFeeds {
    const inputs = this.#graph.values.filter(({ role }) => role === 'input');
    return Object.fromEntries(
      inputs.map((input) => {
        const feed = feeds[input.name];
        checkFeed(input.name, input, feed);
        return [input.name, feed.data as NumberArray];
      }),
    );
  }
}
