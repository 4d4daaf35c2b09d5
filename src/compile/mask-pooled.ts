import type { Graph, Node } from '../graph/graph.ts';
import { type Catalogue, recordOf } from '../graph/op.ts';
import { producersOf, rewrite, Uses } from './rewrite.ts';

/**
 * Masks the gradient of `maxPool2d(relu(x))` before it is spread over the picture instead of after it:
 *
 *     reluGrad(y, maxPoolGrad(dy))  →  maxPoolGrad(reluGrad(maxPool(y), dy))
 *
 * Equal bit for bit, because the pixel that receives dy holds the very value that the pooled picture shows. The mask then costs as much as
 * the pooled picture is large (a quarter for windows of 2×2), and y, usually a step's largest value, is not kept for the backward pass.
 */
export function maskPooled(graph: Graph, catalogue: Catalogue): Graph {
  const uses = new Uses(graph);
  const producerOf = producersOf(graph);
  /** The spreading of a gradient → the pooling it reverses. */
  const poolings = new Map<Node, Node>();
  const traitsOf = (node: Node | undefined) => (node ? recordOf(catalogue, node.op).traits : {});
  for (const spread of graph.nodes) {
    const workspace = traitsOf(spread).spreadsTo;
    if (workspace === undefined) continue;
    const mask = uses.soleReader(spread.outputs[0]);
    const pooling = producerOf.get(spread.inputs[workspace] ?? -1);
    if (!mask || !pooling || !traitsOf(mask).masksBy || traitsOf(pooling).pools !== 'max') continue;
    if (pooling.inputs[0] === mask.inputs[0]) poolings.set(spread, pooling);
  }
  return rewrite(graph, catalogue, (node, { now, copy }) => {
    if (poolings.has(node)) return [];
    const spread = producerOf.get(node.inputs[1] ?? -1);
    const pooling = spread && poolings.get(spread);
    if (!pooling) return undefined;
    const [masked] = copy(node, { inputs: [now(pooling.outputs[0]), now(spread.inputs[0])] });
    return copy(spread, { inputs: spread.inputs.map((id, i) => (i === 0 ? masked : now(id))) });
  });
}
