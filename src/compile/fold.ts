import type { Graph, Node } from '../graph/graph.ts';
import { type Catalogue, recordOf } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import { foldBias, scaleRows } from '../ops/index.ts';
import { rewrite, Uses } from './rewrite.ts';

/**
 * Folds a per-channel affine (batch norm with running statistics) into the weights of the convolution or linear layer before it:
 *
 *     W' = scale·W    b' = scale·b + shift
 *
 * The folded weights depend on parameters only, so an engine computes them once for each change of the store, not at every run.
 * For evaluation and frozen parts: the training form of batch norm depends on its batch and is left alone.
 *
 * - `trains`: parameters, by name, that must stay themselves because they train; default none.
 */
export function foldAffine(graph: Graph, catalogue: Catalogue, trains: (name: string) => boolean = () => false): Graph {
  const uses = new Uses(graph);
  const isFixed = (node: Node) =>
    node.inputs.every((id) => id === null || graph.values[id].role !== 'parameter' || !trains(graph.values[id].name));
  const folded = new Map<Node, Node>();
  return rewrite(graph, catalogue, (node, { now, copy }) => {
    const host = folded.get(node);
    if (host) {
      const { weight, bias } = recordOf(catalogue, host.op).traits.channelWeights!;
      const affine = recordOf(catalogue, node.op).traits.channelAffine!;
      const { scale, shift } = affine({ inputs: node.inputs.map(now), attrs: node.attrs });
      const inputs: (Tensor | undefined)[] = host.inputs.map(now);
      inputs[bias] = foldBias(inputs[bias], scale, shift);
      inputs[weight] = scaleRows(inputs[weight]!, scale);
      return copy(host, { inputs, attrs: { ...host.attrs, activation: node.attrs.activation ?? 'none' } });
    }
    const { channelWeights } = recordOf(catalogue, node.op).traits;
    const reader = channelWeights && node.attrs.activation === 'none' ? uses.soleReader(node.outputs[0]) : undefined;
    if (!reader || !recordOf(catalogue, reader.op).traits.channelAffine || reader.inputs[0] !== node.outputs[0]) return undefined;
    if (!isFixed(node) || !isFixed(reader)) return undefined;
    folded.set(reader, node);
    return [];
  });
}
