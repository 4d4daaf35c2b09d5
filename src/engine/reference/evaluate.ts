import { allocate, type NumberArray, type StateDict } from '../../core/ndarray.ts';
import { sizeOf } from '../../core/shape.ts';
import type { Graph } from '../../graph/index.ts';
import type { RawFeeds } from '../engine.ts';
import { bind } from './feeds.ts';
import { type Arrays, stepsOf, storageOf } from './interpreter.ts';

/**
 * Runs a graph once on fresh arrays and returns its outputs; neither `feeds` nor `state` changes, what the graph updates is thrown away.
 *
 * - `dtype`: format of everything real, default `f32`; `f64` is for checking gradients by differences.
 *
 * **Throws** `EngineError` naming an input or a stored value that is missing or does not fit.
 *
 * @example const { y } = evaluate(graph, { x: images }, initialState(model));
 */
export function evaluate(graph: Graph, feeds: RawFeeds, state: StateDict, dtype: 'f32' | 'f64' = 'f32'): Record<string, NumberArray> {
  const arrays: Arrays = new Array(graph.values.length);
  bind(graph, arrays, feeds, (name) => state.get(name));
  const storage = storageOf(graph);
  for (const { id, role, shape, dtype: format } of graph.values) {
    const own = allocate(format === 'f32' ? dtype : format, sizeOf(shape)) as NumberArray;
    if (role !== 'result') own.set(arrays[id]!);
    arrays[id] = own;
  }
  for (const step of stepsOf(graph)) step.run(arrays);
  return Object.fromEntries(Object.entries(graph.outputs).map(([name, id]) => [name, arrays[storage[id]]!]));
}
