import type { NdArray } from '../core/ndarray.ts';
import { type Shape, sizeOf } from '../core/shape.ts';
import type { Batch } from '../data/dataset.ts';
import type { Feeds, Results } from '../engine/engine.ts';
import type { Graph } from '../graph/graph.ts';

/** More than this is not kept: what a frozen part makes of the samples is then computed anew. */
export const mostBankBytes = 2 ** 29;

interface Feature {
  readonly name: string;
  /** Of one sample. */
  readonly shape: Shape;
}

const featuresOf = (graph: Graph): Feature[] =>
  Object.entries(graph.outputs).map(([name, id]) => ({ name, shape: graph.values[id].shape.slice(1) }));

/** Bytes that the features of `length` samples take. */
export const bankBytes = (graph: Graph, length: number): number =>
  4 * length * featuresOf(graph).reduce((sum, { shape }) => sum + sizeOf(shape), 0);

/** What a frozen part of a network makes of every sample: computed once, kept. */
export class FeatureBank {
  readonly bytes: number;
  readonly #features: readonly (Feature & { data: Float32Array<ArrayBuffer> })[];
  /** The sample that stands at every place: another one where a file is broken. */
  readonly #sample: Uint32Array;

  constructor(graph: Graph, length: number) {
    this.bytes = bankBytes(graph, length);
    this.#features = featuresOf(graph).map((feature) => ({ ...feature, data: new Float32Array(length * sizeOf(feature.shape)) }));
    this.#sample = Uint32Array.from({ length }, (_, i) => i);
  }

  /** Keeps the results of the batch of the samples from `first` on. */
  put(first: number, { indices }: Batch, results: Results): void {
    this.#sample.set(indices, first);
    for (const { name, shape, data } of this.#features) data.set(results[name].data as Float32Array, first * sizeOf(shape));
  }

  /** Features of samples in any order, and which samples they are. */
  take(wanted: Uint32Array): { feeds: Feeds; indices: Uint32Array } {
    const feeds = this.#features.map(({ name, shape, data }): [string, NdArray] => {
      const size = sizeOf(shape);
      const rows = new Float32Array(wanted.length * size);
      for (const [row, index] of wanted.entries()) rows.set(data.subarray(index * size, (index + 1) * size), row * size);
      return [name, { dtype: 'f32', shape: [wanted.length, ...shape], data: rows }];
    });
    return { feeds: Object.fromEntries(feeds), indices: wanted.map((index) => this.#sample[index]) };
  }
}
