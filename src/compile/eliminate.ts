import type { Graph, Node, ValueId } from '../graph/graph.ts';
import { type Catalogue, recordOf } from '../graph/op.ts';

/** Drops nodes whose results nobody reads and that change no parameter or state, and the values only they mention. */
export function eliminateDead(graph: Graph, catalogue: Catalogue): Graph {
  const live = new Set<ValueId>(Object.values(graph.outputs));
  const kept: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    const changesStore = Object.keys(recordOf(catalogue, node.op).inPlace).length > 0;
    if (!changesStore && !node.outputs.some((id) => live.has(id))) continue;
    kept.unshift(node);
    for (const id of node.inputs) if (id !== null) live.add(id);
    for (const id of node.outputs) live.add(id);
  }
  const renumbered = new Map<ValueId, ValueId>();
  const values = graph.values
    .filter((value) => live.has(value.id))
    .map((value, id) => {
      renumbered.set(value.id, id);
      return { ...value, id };
    });
  const to = (id: ValueId) => renumbered.get(id)!;
  const relabel = (names: Readonly<Record<string, ValueId>>) =>
    Object.fromEntries(Object.entries(names).flatMap(([name, id]) => (live.has(id) ? [[name, to(id)]] : [])));
  return {
    values,
    nodes: kept.map((node) => ({
      ...node,
      inputs: node.inputs.map((id) => (id === null ? null : to(id))),
      outputs: node.outputs.map(to),
    })),
    outputs: relabel(graph.outputs),
    scopes: relabel(graph.scopes),
  };
}
