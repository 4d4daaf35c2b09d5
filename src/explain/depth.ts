import type { Graph, ValueId } from '../graph/graph.ts';
import type { Layer } from './layers.ts';
import { sightOf } from './receptive-field.ts';

/** How deep a network is, as the literature counts. */
export interface Depth {
  /** Convolutions and fully connected layers on the longest way from the picture to the scores: the 152 of ResNet-152. */
  readonly layers: number;
  readonly convolutions: number;
  readonly fullyConnected: number;
  /** Names of the other ones: projection shortcuts and parallel branches. */
  readonly beside: readonly string[];
}

interface Way {
  readonly length: number;
  readonly last?: Layer;
  readonly before?: Way;
}

/** Follows the longest chain of layers with weights. Normalisation has parameters too but is not counted. */
export function depthOf(graph: Graph, layers: readonly Layer[]): Depth {
  const ways = new Map<ValueId, Way>();
  const isCounted = ({ record }: Layer) => record.traits.channelWeights !== undefined;
  for (const layer of layers) {
    const { inputs, outputs } = layer.node;
    const before = inputs
      .map((id) => (id === null ? undefined : ways.get(id)))
      .reduce<Way>((a, b) => (b && b.length > a.length ? b : a), { length: 0 });
    ways.set(outputs[0], isCounted(layer) ? { length: before.length + 1, last: layer, before } : before);
  }
  const path: Layer[] = [];
  for (let way = ways.get(graph.outputs.y); way?.last; way = way.before) path.unshift(way.last);
  const fullyConnected = path.filter(({ node, record }) => sightOf(graph, node, record) === 'picture').length;
  return {
    layers: path.length,
    convolutions: path.length - fullyConnected,
    fullyConnected,
    beside: layers.filter((layer) => isCounted(layer) && !path.includes(layer)).map(({ name }) => name),
  };
}
