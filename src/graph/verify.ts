import { ShapeError } from '../core/errors.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import { completeAttrs } from './attrs.ts';
import { type Graph, isPersistent, type ValueId } from './graph.ts';
import { type Catalogue, checkInputs, recordOf } from './op.ts';

/**
 * Checks a graph as an engine must be able to trust it: every value defined once and before its use, shapes as the records infer them,
 * and nothing reads a value after an op has overwritten it in place.
 *
 * **Throws** `ShapeError` naming the node.
 */
export function verify(graph: Graph, catalogue: Catalogue): void {
  const defined = new Set(graph.values.filter((v) => v.role !== 'result').map((v) => v.id));
  const overwritten = new Map<ValueId, string>();
  const stored = new Set(graph.values.filter(isPersistent).map((v) => v.id));
  for (const node of graph.nodes) {
    const record = recordOf(catalogue, node.op);
    const where = node.path ? `${node.op} @ ${node.path}` : node.op;
    const fail = (expected: string, got: string): never => {
      throw new ShapeError({ where, expected, got });
    };
    for (const id of node.inputs) {
      if (id === null) continue;
      if (!defined.has(id)) fail('inputs that are computed before', `%${id}, computed later or never`);
      const writer = overwritten.get(id);
      if (writer) fail(`%${id} as it was`, `it is overwritten by ${writer}`);
    }
    const inputs = node.inputs.map((id) => (id === null ? undefined : graph.values[id]));
    checkInputs(record, inputs, where);
    const types = record.infer({ inputs, attrs: completeAttrs(record.attrs, node.attrs, where), where });
    node.outputs.forEach((id, i) => {
      if (defined.has(id)) fail('each value computed once', `%${id} twice`);
      const { shape, dtype } = graph.values[id];
      if (!sameShape(types[i].shape, shape) || types[i].dtype !== dtype)
        fail(`output ${i} ${types[i].dtype} ${formatShape(types[i].shape)}`, `${dtype} ${formatShape(shape)}`);
      defined.add(id);
    });
    for (const [output, input] of Object.entries(record.inPlace)) {
      const id = node.inputs[input];
      if (id === null || id === undefined) continue;
      if (!stored.has(id)) fail('a parameter or state to overwrite', `%${id}`);
      overwritten.set(id, where);
      stored.add(node.outputs[Number(output)]);
    }
  }
  for (const [name, id] of Object.entries(graph.outputs))
    if (!defined.has(id)) throw new ShapeError({ where: name, expected: 'an output that is computed', got: `%${id}` });
}
