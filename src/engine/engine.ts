import type { NdArray, NumberArray, StateDict } from '../core/ndarray.ts';
import type { Graph } from '../graph/graph.ts';

/** What an engine is and runs on. */
export interface EngineInfo {
  readonly name: 'onednn' | 'reference';
  /** Version of the library behind it. */
  readonly version: string;
  /** The library's file; empty for engines in TypeScript. */
  readonly file: string;
  /** Instruction set the kernels use. */
  readonly isa: string;
  readonly threads: number;
  /** Why this engine was taken although another was preferred. */
  readonly note?: string;
}

/** Time one step of a program takes. */
export interface StepTime {
  /** Primitive or kernel and the op it belongs to, such as `convolution:conv2d`. */
  readonly name: string;
  /** Module path. */
  readonly path: string;
  /** oneDNN's implementation name, such as `jit:avx512_core`; `typescript` for kernels. */
  readonly implementation: string;
  /** Median over the profiled runs. */
  readonly ms: number;
  readonly flops: number;
}

/** Bytes a program holds beside the store: planned once, never while it runs. */
export interface MemoryUse {
  readonly arenaBytes: number;
  /** What the same buffers would take without reuse. */
  readonly unsharedBytes: number;
  readonly storeBytes: number;
}

export type Feeds = Readonly<Record<string, NdArray>>;
export type Results = Record<string, NdArray>;

/** Parameters and states by name, shared by the programs compiled against it. */
export interface Store {
  /** Sets values; names that no program uses yet wait for one that does. */
  load(state: StateDict): Promise<void>;
  /** Copies of the values now, row-major; all names by default. */
  read(names?: readonly string[]): Promise<StateDict>;
  /** Lets its numbers go, once the programs over it are closed. Closing the engine closes its stores. */
  close(): Promise<void>;
}

/** A graph, planned: runs any number of times without allocating in the engine. */
export interface Program {
  readonly memory: MemoryUse;
  /**
   * Feeds every input, runs all nodes, returns the outputs as copies; feeds the graph does not know are ignored. Calls are queued: a second
   * may be made before the first has answered, so that the engine never waits for the caller. Feeds are read before the call returns.
   *
   * **Throws** `EngineError` for an input that is missing or of another type or shape, and if the program or its engine is closed.
   */
  run(feeds: Feeds): Promise<Results>;
  /** Runs `repeats` times on the same feeds and times every step. Parameters move on as in any run. */
  profile(feeds: Feeds, repeats: number): Promise<StepTime[]>;
  close(): Promise<void>;
}

/** What consumes graphs. Open one with `openEngine`. */
export interface Engine {
  readonly info: EngineInfo;
  createStore(): Promise<Store>;
  /**
   * Plans a graph over a store. The first program to mention a parameter chooses how it lies in memory.
   *
   * **Throws** `EngineError` for a store of another engine, or one whose numbers have other shapes.
   */
  compile(graph: Graph, store: Store): Promise<Program>;
  /** Ends the engine and frees what it holds: its programs and stores are closed as well. */
  close(): Promise<void>;
}

/**
 * The synchronous half of an engine, in the thread that computes: what an implementation provides. `LocalEngine` puts it behind
 * the asynchronous interface in this thread, `engine/threaded` in a worker.
 */
export interface Backend {
  readonly info: EngineInfo;
  createStore(): BackendStore;
  compile(graph: Graph, store: BackendStore): BackendProgram;
  close(): void;
}

/** Row-major numbers by input name. */
export type RawFeeds = Readonly<Record<string, NumberArray>>;

export interface BackendStore {
  load(state: StateDict): void;
  read(names?: readonly string[]): StateDict;
}

export interface BackendProgram {
  readonly memory: MemoryUse;
  /** The returned arrays are valid until the next run. */
  run(feeds: RawFeeds): Record<string, NumberArray>;
  profile(feeds: RawFeeds, repeats: number): StepTime[];
  close(): void;
}
