import type { Graph, ValueId } from '../graph/graph.ts';
import { type Catalogue, recordOf } from '../graph/op.ts';
import { rewrite } from './rewrite.ts';

/** What is known of a value: whether it can change while training, and whether it depends on the sample. */
interface Traits {
  fixed: boolean;
  ofSample: boolean;
}

/**
 * Cuts a graph where it begins to depend on what trains, on labels, on random numbers or on the other samples of a batch. `features`
 * computes, from `x`, the values at the cut; `rest` takes them as inputs `features.0`, `features.1`, … and is otherwise the graph as it was.
 *
 * Without a fixed part, or if the cut would be at `x` itself, `rest` is the whole graph.
 */
export function splitFixed(
  graph: Graph,
  catalogue: Catalogue,
  trains: (name: string) => boolean,
): { features: Graph | undefined; rest: Graph } {
  const traits = new Map<ValueId, Traits>();
  for (const { id, role, name } of graph.values)
    if (role !== 'result') traits.set(id, { fixed: role === 'input' ? name === 'x' : !trains(name), ofSample: role === 'input' });
  const cut = new Set<ValueId>(Object.values(graph.outputs).filter((id) => graph.values[id].role === 'result'));
  for (const node of graph.nodes) {
    const inputs = node.inputs.flatMap((id) => (id === null ? [] : [traits.get(id)!]));
    const { traits: op, inPlace } = recordOf(catalogue, node.op);
    const isOwn = !op.mixesSamples && Object.keys(inPlace).length === 0;
    const found = { fixed: isOwn && inputs.every((t) => t.fixed), ofSample: inputs.some((t) => t.ofSample) };
    for (const id of node.outputs) traits.set(id, found);
    if (!found.fixed) for (const id of node.inputs) if (id !== null) cut.add(id);
  }
  const boundary = [...cut].filter((id) => {
    const { fixed, ofSample } = traits.get(id)!;
    return fixed && ofSample;
  });
  if (boundary.length === 0 || boundary.some((id) => graph.values[id].role === 'input')) return { features: undefined, rest: graph };
  const nameOf = new Map(boundary.map((id, i) => [id, `features.${i}`]));
  const rest = rewrite(graph, catalogue, (node, { builder }) => {
    const { fixed, ofSample } = traits.get(node.outputs[0])!;
    if (!fixed || !ofSample) return undefined;
    return node.outputs.map((id) => {
      const name = nameOf.get(id);
      return name === undefined ? undefined : builder.input(name, graph.values[id].shape, graph.values[id].dtype);
    });
  });
  const outputs = Object.fromEntries([...nameOf].map(([id, name]) => [name, id]));
  const nodes = graph.nodes.filter((node) => traits.get(node.outputs[0])!.fixed);
  return { features: { ...graph, nodes, outputs, scopes: {} }, rest };
}
