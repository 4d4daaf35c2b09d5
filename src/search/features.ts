import { eliminateDead, foldAffine, fuse } from '../compile/index.ts';
import { ShapeError } from '../core/errors.ts';
import { formatShape, type Shape } from '../core/shape.ts';
import { type Graph, isPersistent, type Node, type ValueId } from '../graph/graph.ts';
import { GraphBuilder } from '../graph/tensor.ts';
import { verify } from '../graph/verify.ts';
import { type Module, trace } from '../nn/module.ts';
import { adaptiveAvgPool2d, catalogue, flatten } from '../ops/index.ts';

/** The nodes that a value depends on. */
function ancestorsOf(graph: Graph, id: ValueId): Set<Node> {
  const wanted = new Set([id]);
  const found = new Set<Node>();
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => wanted.has(output))) continue;
    found.add(node);
    for (const input of node.inputs) if (input !== null) wanted.add(input);
  }
  return found;
}

/** What the last layer with parameters on the way to the scores is given. */
function penultimate(graph: Graph): ValueId {
  const hasParameters = (node: Node) => node.inputs.some((id) => id !== null && graph.values[id].role === 'parameter');
  const ancestors = ancestorsOf(graph, graph.outputs.y);
  const last = graph.nodes.findLast((node) => ancestors.has(node) && hasParameters(node));
  const id = last?.inputs.find((input) => input !== null && !isPersistent(graph.values[input]));
  if (id === undefined || id === null || ![...ancestorsOf(graph, id)].some(hasParameters))
    throw new ShapeError({
      where: 'features',
      expected: 'a network with two layers or more',
      got: last ? 'one whose only layer reads the picture' : 'one without parameters',
    });
  return id;
}

/**
 * The graph that computes a picture's features: what the network's last layer with parameters is given, averaged over its positions if it
 * has any.
 *
 *     features[n, c] = mean over i, j of h[n, c, i, j]    for an input h of a convolution; the input itself for one of a linear layer
 *
 * Dropout is off and batch norm folded, as in every evaluation.
 *
 * **Shapes**: input `x` as given, `[N,C,H,W]`; output `features` `[N,D]`.
 *
 * **Throws** `ShapeError` if the shapes do not fit or the network has no layer before its last.
 *
 * @example featureGraph(createModel('resnet18', { classes: 1000 }), [1, 3, 224, 224]) // features [1,512]
 */
export function featureGraph(module: Module, inputShape: Shape): Graph {
  const graph = trace(module, inputShape);
  const builder = new GraphBuilder({ from: { ...graph, outputs: {} } });
  const h = builder.tensor(penultimate(graph));
  if (h.shape.length < 2 || h.shape[0] !== inputShape[0])
    throw new ShapeError({ where: 'features', expected: 'a last layer that is given [N,…]', got: formatShape(h.shape) });
  const pooled = h.shape.length === 4 && h.shape[2] * h.shape[3] > 1 ? adaptiveAvgPool2d(h, 1) : h;
  builder.output('features', pooled.shape.length === 2 ? pooled : flatten(pooled));
  const whole = eliminateDead(builder.build(), catalogue);
  const result = eliminateDead(fuse(foldAffine(whole, catalogue), catalogue), catalogue);
  verify(result, catalogue);
  return result;
}
