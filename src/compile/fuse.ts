import type { Graph, Node } from '../graph/graph.ts';
import { type AnyOp, type Catalogue, recordOf } from '../graph/op.ts';
import { producersOf, rewrite, Uses } from './rewrite.ts';

/**
 * Joins ops whose records say that one absorbs the other, so that a result is written once:
 *
 * - a flatten before an op that reads unflattened inputs (blocked layouts stay end to end),
 * - an addition into the op that makes one of its terms (`y = conv(x) + r`),
 * - an activation into the op before it.
 *
 * A value that a run returns is never fused away. Works on graphs before and without differentiation.
 */
export function fuse(graph: Graph, catalogue: Catalogue): Graph {
  const passes = [absorbFlatten, absorbAddends, absorbActivations];
  return passes.reduce((current, pass) => pass(current, catalogue), graph);
}

function absorbFlatten(graph: Graph, catalogue: Catalogue): Graph {
  const producerOf = producersOf(graph);
  return rewrite(graph, catalogue, (node, { now, copy }) => {
    const slot = recordOf(catalogue, node.op).traits.absorbsFlatten;
    const source = slot === undefined ? undefined : producerOf.get(node.inputs[slot] ?? -1);
    if (!source || !recordOf(catalogue, source.op).traits.flatten) return undefined;
    return copy(node, { inputs: node.inputs.map((id, i) => now(i === slot ? source.inputs[0] : id)) });
  });
}

/** The op that makes a term moves to where the sum stood: all its own inputs exist there. */
function absorbAddends(graph: Graph, catalogue: Catalogue): Graph {
  const uses = new Uses(graph);
  const hosts = new Map<Node, { host: Node; slot: number; term: 0 | 1 }>();
  const moved = new Set<Node>();
  const producerOf = producersOf(graph);
  for (const sum of graph.nodes) {
    if (!recordOf(catalogue, sum.op).traits.addition) continue;
    // The later term first: it is the one that would otherwise wait in memory for the other.
    for (const term of [1, 0] as const) {
      const id = sum.inputs[term];
      const host = id === null ? undefined : producerOf.get(id);
      const slot = host && recordOf(catalogue, host.op).traits.absorbsAddend;
      if (!host || slot === undefined || host.inputs[slot] != null || host.attrs.activation !== 'none') continue;
      if (uses.soleReader(host.outputs[0]) !== sum || sum.inputs[0] === sum.inputs[1] || moved.has(host)) continue;
      hosts.set(sum, { host, slot, term });
      moved.add(host);
      break;
    }
  }
  return rewrite(graph, catalogue, (node, { now, copy }) => {
    if (moved.has(node)) return [];
    const found = hosts.get(node);
    if (!found) return undefined;
    const { host, slot, term } = found;
    const inputs = Array.from({ length: Math.max(host.inputs.length, slot + 1) }, (_, i) => now(host.inputs[i]));
    inputs[slot] = now(node.inputs[1 - term]);
    return copy(host, { inputs, attrs: { ...host.attrs, activation: node.attrs.activation ?? 'none' } });
  });
}

function absorbActivations(graph: Graph, catalogue: Catalogue): Graph {
  const uses = new Uses(graph);
  const absorbed = new Set<Node>();
  const canTake = (node: Node, record: AnyOp) => record.traits.absorbsActivation && node.attrs.activation === 'none';
  return rewrite(graph, catalogue, (node, { now, copy }) => {
    if (absorbed.has(node)) return [now(node.inputs[0])];
    if (!canTake(node, recordOf(catalogue, node.op))) return undefined;
    const reader = uses.soleReader(node.outputs[0]);
    const activation = reader && recordOf(catalogue, reader.op).traits.activation;
    if (!activation) return undefined;
    absorbed.add(reader);
    return copy(node, { attrs: { ...node.attrs, activation } });
  });
}
