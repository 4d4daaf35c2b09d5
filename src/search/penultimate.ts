import { eliminateDead } from '../compile/eliminate.ts';
import { ShapeError } from '../core/errors.ts';
import { type Graph, isPersistent, type Node, type ValueId } from '../graph/graph.ts';
import { GraphBuilder } from '../graph/tensor.ts';
import { verify } from '../graph/verify.ts';
import { adaptiveAvgPool2d, catalogue, flatten } from '../ops/index.ts';

/** The values that change with the sample. */
function ofSample({ values, nodes }: Graph): ReadonlySet<ValueId> {
  const found = new Set(values.filter(({ role }) => role === 'input').map(({ id }) => id));
  for (const { inputs, outputs } of nodes) if (inputs.some((id) => id !== null && found.has(id))) for (const id of outputs) found.add(id);
  return found;
}

/**
 * What a network knows of a picture just before it names it: the graph of an evaluation, cut before its last layer with weights.
 *
 *     features = input of that layer, averaged over its positions if it has any
 *
 * The layer is found in the graph, not by name: a linear head (`fc`) and a convolution that scores every position are cut alike.
 *
 * **Shapes**: input `x` as before; the one output `features` is `[N, D]`.
 *
 * - `graph`: as `evaluationGraph` makes it, without a loss.
 *
 * **Throws** `ShapeError` if there is nothing between the picture and the last layer with weights.
 *
 * @example penultimateGraph(evaluationGraph({ module, inputShape: [16, 3, 224, 224] }))
 */
export function penultimateGraph(graph: Graph): Graph {
  const { y } = graph.outputs;
  const scores = eliminateDead({ ...graph, outputs: { y }, scopes: {} }, catalogue);
  const sample = ofSample(scores);
  // Folding computes weights from weights: a layer has weights if it reads any that are not of the sample.
  const fixed = new Set(scores.values.filter(isPersistent).map(({ id }) => id));
  for (const { inputs, outputs } of scores.nodes)
    if (inputs.some((id) => id !== null && fixed.has(id))) for (const id of outputs) if (!sample.has(id)) fixed.add(id);
  const isOf = (set: ReadonlySet<ValueId>) => (id: ValueId | null) => id !== null && set.has(id);
  const last: Node | undefined = scores.nodes.findLast(({ inputs }) => inputs.some(isOf(sample)) && inputs.some(isOf(fixed)));
  const cut = last?.inputs.find(isOf(sample)) ?? undefined;
  if (cut === undefined || scores.values[cut].role === 'input')
    throw new ShapeError({
      where: 'features',
      expected: 'a network with two layers with weights or more',
      got: cut === undefined ? 'none' : 'one',
    });
  const builder = new GraphBuilder({ from: { ...scores, outputs: {} } });
  const { length: rank } = scores.values[cut].shape;
  const values = rank === 4 ? adaptiveAvgPool2d(builder.tensor(cut), 1) : builder.tensor(cut);
  builder.output('features', rank === 2 ? values : flatten(values));
  const features = eliminateDead(builder.build(), catalogue);
  verify(features, catalogue);
  return features;
}
