import type { StateDict } from '../core/ndarray.ts';
import type { Graph } from '../graph/graph.ts';
import type { Engine, Feeds, Results, Store } from './engine.ts';

/** A store with these numbers, for the length of a call: whatever ends it, the engine keeps nothing. */
export async function withStore<T>(engine: Engine, state: StateDict, body: (store: Store) => Promise<T>): Promise<T> {
  const store = await engine.createStore();
  try {
    await store.load(state);
    return await body(store);
  } finally {
    await store.close();
  }
}

/** What a graph computes from these numbers and feeds, planned and run once. */
export const runOnce = (engine: Engine, graph: Graph, state: StateDict, feeds: Feeds): Promise<Results> =>
  withStore(engine, state, async (store) => {
    const program = await engine.compile(graph, store);
    try {
      return await program.run(feeds);
    } finally {
      await program.close();
    }
  });
