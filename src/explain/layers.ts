import type { Graph, Node, ValueId } from '../graph/graph.ts';
import { type AnyOp, recordOf } from '../graph/op.ts';
import { Module } from '../nn/module.ts';
import { catalogue } from '../ops/catalogue.ts';

/** One step on the way from the picture to the scores. */
export interface Layer {
  /** Module path; for a function called in a larger module's `forward`, that module's path and the op: `layer1.0.add`. A second use ends in `#2`. */
  readonly name: string;
  /** Module path; empty at the top. */
  readonly path: string;
  /** Class of the module, such as `Conv2d`; the op's name for a function. */
  readonly kind: string;
  readonly node: Node;
  readonly record: AnyOp;
}

/** Values that depend on the graph's inputs. */
function reached(graph: Graph): Set<ValueId> {
  const found = new Set(graph.values.filter((v) => v.role === 'input').map((v) => v.id));
  for (const { inputs, outputs } of graph.nodes)
    if (inputs.some((id) => id !== null && found.has(id))) for (const id of outputs) found.add(id);
  return found;
}

const isModule = (part: unknown): part is Module => part instanceof Module;

/** Every module below `module` under its path; the tree must have been walked, as tracing does. */
function modulesOf(module: Module, found = new Map<string, Module>()): Map<string, Module> {
  found.set(module.path, module);
  for (const [, part] of module.children()) if (isModule(part)) modulesOf(part, found);
  return found;
}

/** The layers of a traced module in the order in which they run. What depends on weights alone is none. */
export function layersOf(graph: Graph, module: Module): Layer[] {
  const modules = modulesOf(module);
  const depends = reached(graph);
  const nodes = graph.nodes.filter(({ outputs }) => depends.has(outputs[0]));
  const opsAt = new Map<string, Set<string>>();
  for (const { path, op } of nodes) opsAt.set(path, (opsAt.get(path) ?? new Set()).add(op));
  const seen = new Map<string, number>();
  return nodes.map((node) => {
    const { path, op } = node;
    const owner = modules.get(path);
    const isWhole = !owner || ![...owner.children()].some(([, part]) => isModule(part));
    const isLayer = path && opsAt.get(path)?.size === 1 && isWhole;
    const base = isLayer ? path : path ? `${path}.${op}` : op;
    const uses = (seen.get(base) ?? 0) + 1;
    seen.set(base, uses);
    const name = uses > 1 ? `${base}#${uses}` : base;
    return { name, path, kind: isLayer && owner ? owner.constructor.name : op, node, record: recordOf(catalogue, op) };
  });
}

/** What an op's rules are asked with. */
export const callOf = (graph: Graph, { inputs, outputs, attrs }: Node) => ({
  inputs: inputs.map((id) => (id === null ? undefined : graph.values[id])),
  outputs: outputs.map((id) => graph.values[id]),
  used: outputs.map((_, i) => i === 0),
  attrs,
});
