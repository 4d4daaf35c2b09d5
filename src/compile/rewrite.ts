import { type Graph, isPersistent, type Node, type ValueId } from '../graph/graph.ts';
import { type Catalogue, recordOf } from '../graph/op.ts';
import { GraphBuilder, type Tensor } from '../graph/tensor.ts';

/** Who reads a value: the nodes, and whether a run returns it (then no pass may remove it). */
export class Uses {
  readonly #readers = new Map<ValueId, Node[]>();
  readonly #returned: ReadonlySet<ValueId>;

  constructor(graph: Graph) {
    this.#returned = new Set(Object.values(graph.outputs));
    for (const node of graph.nodes)
      for (const id of new Set(node.inputs)) if (id !== null) this.#readers.set(id, [...(this.#readers.get(id) ?? []), node]);
  }

  /** The only reader of a value that nobody else sees. */
  soleReader(id: ValueId): Node | undefined {
    const readers = this.#readers.get(id) ?? [];
    return readers.length === 1 && !this.#returned.has(id) ? readers[0] : undefined;
  }
}

/** For every computed value the node that computes it. */
export const producersOf = (graph: Graph): ReadonlyMap<ValueId, Node> =>
  new Map(graph.nodes.flatMap((node) => node.outputs.map((id) => [id, node] as const)));

/** What a pass decides about one node: tensors that stand for its outputs, or nothing to keep it as it is. */
export type Visit = (node: Node, context: RewriteContext) => readonly (Tensor | undefined)[] | undefined;

export interface RewriteContext {
  builder: GraphBuilder;
  /** The new tensor of an old value. */
  now: (id: ValueId | null | undefined) => Tensor | undefined;
  /** Copies a node, with other inputs or attributes if given. */
  copy: (node: Node, change?: { inputs?: readonly (Tensor | undefined)[]; attrs?: Readonly<Record<string, unknown>> }) => Tensor[];
}

/**
 * Builds a graph anew, node by node, letting `visit` replace some. Every op is checked again on the way. A node for which `visit`
 * returns an empty list disappears: a later one must take its place.
 */
export function rewrite(graph: Graph, catalogue: Catalogue, visit: Visit): Graph {
  const builder = new GraphBuilder();
  const known = new Map<ValueId, Tensor>();
  for (const value of graph.values) {
    const { id, role, name, shape, dtype } = value;
    if (role === 'input') known.set(id, builder.input(name, shape, dtype));
    else if (isPersistent(value)) known.set(id, role === 'parameter' ? builder.parameter(name, shape) : builder.state(name, shape));
  }
  const context: RewriteContext = {
    builder,
    now: (id) => (id === null || id === undefined ? undefined : known.get(id)),
    copy: (node, { inputs = node.inputs.map(context.now), attrs = node.attrs } = {}) =>
      builder.apply(recordOf(catalogue, node.op), inputs, attrs),
  };
  for (const node of graph.nodes) {
    let outputs: readonly (Tensor | undefined)[] = [];
    builder.scope(node.path, () => {
      outputs = visit(node, context) ?? context.copy(node);
    });
    node.outputs.forEach((id, i) => {
      const tensor = outputs[i];
      if (tensor) known.set(id, tensor);
    });
  }
  for (const [name, id] of Object.entries(graph.outputs)) builder.output(name, known.get(id)!);
  for (const [path, id] of Object.entries(graph.scopes)) {
    const tensor = known.get(id);
    if (tensor) builder.scope(path, () => tensor);
  }
  return builder.build();
}
