import type { NumberArray } from '../../core/ndarray.ts';
import { type Graph, recordOf, type ValueId } from '../../graph/index.ts';
import { catalogue } from '../../ops/catalogue.ts';

/** Arrays by value id; those that a graph computes in place share their input's array. */
export type Arrays = (NumberArray | undefined)[];

/** One node, ready to be computed on whatever arrays stand in the table at that time. */
export interface Step {
  readonly op: string;
  readonly path: string;
  readonly flops: number;
  run(arrays: Arrays): void;
}

/** For every value the one whose storage it uses: itself, or for results in place the value they overwrite. */
export function storageOf(graph: Graph): ValueId[] {
  const storage = graph.values.map((v) => v.id);
  for (const node of graph.nodes)
    for (const [output, input] of Object.entries(recordOf(catalogue, node.op).inPlace))
      storage[node.outputs[Number(output)]] = storage[node.inputs[input]!];
  return storage;
}

/** The graph's nodes as steps that run each op's own `eval`. */
export function stepsOf(graph: Graph): Step[] {
  const storage = storageOf(graph);
  const read = new Set([...graph.nodes.flatMap((n) => n.inputs), ...Object.values(graph.outputs)]);
  return graph.nodes.map((node) => {
    const { op, path, attrs } = node;
    const record = recordOf(catalogue, op);
    const inputTypes = node.inputs.map((id) => (id === null ? undefined : graph.values[id]));
    const outputTypes = node.outputs.map((id) => graph.values[id]);
    const fresh = node.outputs.map((id) => storage[id] === id);
    return {
      op,
      path,
      flops: record.cost({ inputs: inputTypes, outputs: outputTypes, used: node.outputs.map((id) => read.has(id)), attrs }),
      run(arrays) {
        const inputs = node.inputs.map((id) => (id === null ? undefined : arrays[storage[id]]));
        const outputs = node.outputs.map((id) => arrays[storage[id]]!);
        outputs.forEach((array, i) => {
          if (fresh[i]) array.fill(0);
        });
        record.eval({ inputs, outputs, inputTypes, outputTypes, attrs });
      },
    };
  });
}
