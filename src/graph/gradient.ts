import { ShapeError } from '../core/errors.ts';
import type { Graph, ValueId } from './graph.ts';
import { type Catalogue, isNone, recordOf } from './op.ts';
import { GraphBuilder, type Tensor } from './tensor.ts';

export interface DifferentiateOptions {
  graph: Graph;
  catalogue: Catalogue;
  /** Values whose gradients are wanted: the parameters that train. Nothing else costs a node. */
  wrt: readonly ValueId[];
  /** Where the reverse walk starts: a value and the gradient that arrives there. */
  seed: (builder: GraphBuilder) => ReadonlyMap<ValueId, Tensor>;
  /** Adds two gradients that meet at one value. */
  accumulate: (a: Tensor, b: Tensor) => Tensor;
}

export interface Differentiated {
  builder: GraphBuilder;
  /** Gradient of every value it flowed through. */
  gradients: ReadonlyMap<ValueId, Tensor>;
}

/**
 * Appends the nodes that compute gradients, by walking the graph in reverse (reverse-mode differentiation).
 * Only nodes on a path from a wanted value to a seeded one are visited, so a frozen prefix costs nothing.
 *
 * **Throws** `ShapeError` if an op on the way has no gradient.
 */
export function differentiate({ graph, catalogue, wrt, seed, accumulate }: DifferentiateOptions): Differentiated {
  const wanted = reachableFrom(graph, wrt);
  const builder = new GraphBuilder({ from: graph });
  const gradients = new Map<ValueId, Tensor>(seed(builder));
  for (const node of graph.nodes.toReversed()) {
    const gradOutputs = node.outputs.map((id) => gradients.get(id));
    const needs = node.inputs.map((id) => id !== null && wanted.has(id));
    if (!gradOutputs.some(Boolean) || !needs.some(Boolean)) continue;
    const record = recordOf(catalogue, node.op);
    const where = node.path ? `${node.op} @ ${node.path}` : node.op;
    if (isNone(record.grad)) throw new ShapeError({ where, expected: 'an op with a gradient', got: `none: ${record.grad.none}` });
    const rule = record.grad;
    const inputs = node.inputs.map((id) => (id === null ? undefined : builder.tensor(id)));
    const outputs = node.outputs.map((id) => builder.tensor(id));
    builder.scope(node.path, () => {
      const grads = rule({ inputs, outputs, gradOutputs, needs: wantsOf(needs, record.inputs), attrs: node.attrs });
      node.inputs.forEach((id, i) => {
        const grad = grads[i];
        if (id === null || !needs[i] || !grad) return;
        const sofar = gradients.get(id);
        gradients.set(id, sofar ? accumulate(sofar, grad) : grad);
      });
      return undefined;
    });
  }
  return { builder, gradients };
}

/** An input that the record calls constant never wants a gradient. */
const wantsOf = (needs: readonly boolean[], specs: readonly { constant?: true }[]): boolean[] =>
  needs.map((need, i) => need && !specs[Math.min(i, specs.length - 1)].constant);

function reachableFrom(graph: Graph, roots: readonly ValueId[]): Set<ValueId> {
  const reached = new Set(roots);
  for (const node of graph.nodes)
    if (node.inputs.some((id) => id !== null && reached.has(id))) for (const id of node.outputs) reached.add(id);
  return reached;
}
