import type { NumberArray } from '../core/ndarray.ts';
import { type Shape, stridesOf, type WindowAxis } from '../core/shape.ts';
import type { Graph } from '../graph/graph.ts';
import type { Sight } from '../graph/op.ts';
import type { Derivation, InputWindow, Position } from './explanation.ts';
import { callOf, type Layer } from './layers.ts';
import { sightOf } from './receptive-field.ts';

/** A layer with the numbers that went in. */
export interface Site {
  readonly graph: Graph;
  readonly layer: Layer;
  readonly layers: readonly Layer[];
  /** Row-major, by input of the node. */
  readonly inputs: readonly (NumberArray | undefined)[];
  readonly position: Position;
}

export interface Derived {
  readonly derivation: Derivation;
  readonly computed: number;
}

interface Form {
  readonly applies: (layer: Layer, sight: () => Sight) => boolean;
  readonly derive: (site: Site, sight: Sight) => Derived;
}

const shapesOf = ({ graph, layer }: Site): Shape[] => layer.node.inputs.map((id) => (id === null ? [] : graph.values[id].shape));
const isWeighted = ({ record }: Layer): boolean => record.traits.channelWeights !== undefined;
const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** What a position of a feature map reads, after the op's own rule or else its window. */
function windowAt({ graph, layer, position }: Site, sight: Sight): InputWindow {
  const call = callOf(graph, layer.node);
  const [, , height, width] = call.inputs[0]!.shape;
  const { taps } = layer.record.traits;
  const along = (axis: 0 | 1, at: number): number[] => {
    if (taps) return taps(call, axis, at);
    const { kernel, stride, padBegin, dilation } = sight[axis] as WindowAxis;
    return Array.from({ length: kernel }, (_, k) => at * stride - padBegin + k * dilation);
  };
  const [rows, cols] = [along(0, position.row), along(1, position.col)];
  const padding = rows.map((row) => cols.map((col) => row < 0 || row >= height || col < 0 || col >= width));
  return { rows, cols, padding };
}

/** The window's numbers in one channel; padding is 0. */
function readWindow({ inputs }: Site, [, , height, width]: Shape, { rows, cols, padding }: InputWindow, channel: number): number[][] {
  const x = inputs[0]!;
  return rows.map((row, i) => cols.map((col, j) => (padding[i][j] ? 0 : x[(channel * height + row) * width + col])));
}

const convolution: Form = {
  applies: (layer, sight) => isWeighted(layer) && typeof sight() === 'object',
  derive: (site, sight) => {
    const [x, weight] = shapesOf(site);
    const [outputs, perGroup, kernelH, kernelW] = weight;
    const w = site.inputs[1]!;
    const bias = site.inputs[2]?.[site.position.channel] ?? null;
    const window = windowAt(site, sight);
    const first = Math.floor(site.position.channel / (outputs / (x[1] / perGroup))) * perGroup;
    const channels = Array.from({ length: perGroup }, (_, c) => {
      const inputs = readWindow(site, x, window, first + c);
      const at = (i: number, j: number) => ((site.position.channel * perGroup + c) * kernelH + i) * kernelW + j;
      const weights = inputs.map((row, i) => row.map((_, j) => w[at(i, j)]));
      const products = inputs.map((row, i) => row.map((v, j) => v * weights[i][j]));
      return { channel: first + c, inputs, weights, products, sum: total(products.flat()) };
    });
    return { derivation: { form: 'convolution', window, channels, bias }, computed: total(channels.map((c) => c.sum)) + (bias ?? 0) };
  },
};

const linear: Form = {
  applies: isWeighted,
  derive: (site) => {
    const [x, w, b] = site.inputs;
    const features = shapesOf(site)[1][1];
    const bias = b?.[site.position.channel] ?? null;
    const map = mapBefore(site);
    const terms = Array.from({ length: features }, (_, feature) => {
      const weight = w![site.position.channel * features + feature];
      const input = x![feature];
      return { feature, from: map ? positionOf(feature, map) : null, input, weight, product: input * weight };
    });
    return { derivation: { form: 'linear', terms, bias }, computed: total(terms.map((t) => t.product)) + (bias ?? 0) };
  },
};

/** Shape of the map that was flattened to make a fully connected layer's input. */
function mapBefore({ graph, layers, layer }: Site): Shape | undefined {
  const id = layer.node.inputs[0];
  const source = layers.find(({ node }) => node.outputs[0] === id);
  const before = source?.record.traits.flatten ? source.node.inputs[0]! : id!;
  const { shape } = graph.values[before];
  return shape.length === 4 ? shape : undefined;
}

/** The place of an element within a sample. */
export function positionOf(element: number, shape: Shape): Position {
  const [channelStride, rowStride] = stridesOf([...shape.slice(1), 1, 1].slice(0, 3));
  const within = element % channelStride;
  return { channel: Math.floor(element / channelStride), row: Math.floor(within / rowStride), col: within % rowStride };
}

const pooling = (take: 'max' | 'mean', derive: (inputs: number[][], window: InputWindow) => Derived): Form => ({
  applies: ({ record }) => record.traits.pools === take,
  derive: (site, sight) => {
    const window = windowAt(site, sight);
    return derive(readWindow(site, shapesOf(site)[0], window, site.position.channel), window);
  },
});

const maximum = pooling('max', (inputs, window) => {
  let winner = { row: -1, col: -1 };
  let computed = -Infinity;
  for (const [i, row] of inputs.entries())
    for (const [j, value] of row.entries()) {
      if (window.padding[i][j] || value <= computed) continue;
      computed = value;
      winner = { row: window.rows[i], col: window.cols[j] };
    }
  return { derivation: { form: 'max', window, inputs, winner }, computed };
});

const mean = pooling('mean', (inputs, window) => {
  const sum = total(inputs.flat());
  const count = inputs.flat().length;
  return { derivation: { form: 'mean', window, inputs, sum, count }, computed: sum / count };
});

const relu: Form = {
  applies: ({ record }) => record.traits.activation === 'relu',
  derive: (site) => {
    const input = site.inputs[0]![indexOf(site.position, shapesOf(site)[0])];
    return { derivation: { form: 'relu', input }, computed: Math.max(input, 0) };
  },
};

const normalisation: Form = {
  applies: ({ record }) => record.traits.channelAffine !== undefined,
  derive: (site) => {
    const input = site.inputs[0]![indexOf(site.position, shapesOf(site)[0])];
    const named = (name: string) => site.inputs[site.layer.record.inputs.findIndex((i) => i.name === name)]![site.position.channel];
    const [weight, bias, mu, variance] = ['weight', 'bias', 'mean', 'variance'].map(named);
    const eps = Number(site.layer.node.attrs.eps);
    const computed = (weight * (input - mu)) / Math.sqrt(variance + eps) + bias;
    return { derivation: { form: 'normalisation', input, mean: mu, variance, eps, weight, bias }, computed };
  },
};

const addition: Form = {
  applies: ({ record }) => record.traits.addition === true,
  derive: (site) => {
    const terms = site.layer.node.inputs.map((id, i) => ({
      layer: site.layers.find(({ node }) => node.outputs[0] === id)?.name ?? 'x',
      value: site.inputs[i]![indexOf(site.position, shapesOf(site)[i])],
    }));
    return { derivation: { form: 'addition', terms }, computed: total(terms.map((t) => t.value)) };
  },
};

/** Up to here e to the power of a score is a number one can read. */
const readableScore = 12;

const softmax: Form = {
  applies: ({ record }) => record.traits.shares === true,
  derive: (site) => {
    const shape = shapesOf(site)[0];
    const scores = Array.from({ length: shape[1] }, (_, channel) => site.inputs[0]![indexOf({ ...site.position, channel }, shape)]);
    const largest = Math.max(...scores);
    const shift = Math.abs(largest) <= readableScore ? 0 : largest;
    const exponentials = scores.map((s) => Math.exp(s - shift));
    const sum = total(exponentials);
    const probabilities = exponentials.map((e) => e / sum);
    const derivation: Derivation = { form: 'softmax', scores, shift, exponentials, sum, probabilities, loss: null };
    return { derivation, computed: probabilities[site.position.channel] };
  },
};

/** The first form whose traits a layer's op has. */
const forms: readonly Form[] = [convolution, linear, maximum, mean, relu, normalisation, addition, softmax];

/** Where an element stands in a row-major sample `[1, C, H, W]` or `[1, C]`. */
export const indexOf = ({ channel, row, col }: Position, [, , height = 1, width = 1]: Shape): number =>
  (channel * height + row) * width + col;

/** Whether a layer computes numbers in a way that can be written down; one that only moves them does not. */
export const canDerive = (graph: Graph, layer: Layer): boolean => formOf(graph, layer) !== undefined;

const formOf = (graph: Graph, layer: Layer): Form | undefined =>
  forms.find((form) => form.applies(layer, () => sightOf(graph, layer.node, layer.record)));

/** Writes down how the number at a position comes about. */
export function derive(site: Site): Derived {
  const { graph, layer } = site;
  return formOf(graph, layer)!.derive(site, sightOf(graph, layer.node, layer.record));
}
