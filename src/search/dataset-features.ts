import { DataError } from '../core/errors.ts';
import type { StateDict } from '../core/ndarray.ts';
import { Rng } from '../core/rng.ts';
import { type Shape, sizeOf } from '../core/shape.ts';
import type { Dataset } from '../data/dataset.ts';
import { samplePicture } from '../data/sample-picture.ts';
import { compose, type TransformList } from '../data/transforms/index.ts';
import type { Engine, Program, Results } from '../engine/engine.ts';
import type { Module } from '../nn/module.ts';
import { Embedder, fixedShapeOf, normalizeRows } from './embedder.ts';
import { featureGraph } from './features.ts';

export interface DatasetFeaturesOptions {
  dataset: Dataset;
  model: Module;
  state: StateDict;
  /** How a picture becomes what the network takes, without random ones; default: samples go in as they are. */
  transforms?: TransformList;
  engine: Engine;
  /** Told how many samples are done. */
  onProgress?: (done: number, total: number) => void;
}

/** Features row by row, each of length 1. */
export interface DatasetFeatures {
  readonly data: Float32Array;
  readonly width: number;
}

const largestBatch = 16;

interface Preparation {
  readonly inputShape: Shape;
  /** Writes a sample as the network takes it. */
  readonly write: (sample: Float32Array, into: Float32Array, offset: number) => void;
}

function preparationOf({ sampleShape }: Dataset, transforms: TransformList | undefined): Preparation {
  if (!transforms) return { inputShape: sampleShape, write: (sample, into, offset) => into.set(sample, offset) };
  const pipeline = compose(transforms);
  const inputShape = fixedShapeOf(transforms, 'features');
  return { inputShape, write: (sample, into, offset) => void pipeline.run(samplePicture(sample, sampleShape), new Rng(0), into, offset) };
}

/**
 * The features of all samples of a data set: what `featureGraph` computes, shortened to length 1.
 *
 * With transforms, samples are taken as pictures, from their files where there are some, and levels in memory as of 0 to 1.
 *
 * **Shapes**: rows `[n, D]`.
 *
 * **Throws** `ShapeError` if the network does not take such samples; `UsageError` for transforms that draw random numbers; `DataError` for a
 * broken picture; `NumericError` if features are not finite.
 *
 * @example
 * const transforms = presetTransforms('none').valid;
 * const rows = await datasetFeatures({ dataset: cifar.train, model, state, transforms, engine });
 */
export async function datasetFeatures(options: DatasetFeaturesOptions): Promise<DatasetFeatures> {
  const { dataset, transforms } = options;
  if (dataset.pictures && transforms) return fromFiles(options, dataset.pictures.files, transforms);
  return fromSamples(options, preparationOf(dataset, transforms));
}

async function fromFiles(
  { model, state, engine, onProgress }: DatasetFeaturesOptions,
  files: readonly string[],
  transforms: TransformList,
): Promise<DatasetFeatures> {
  const embedder = new Embedder({ model, state, transforms, engine });
  try {
    const { vectors, broken } = await embedder.embed(files, (done) => onProgress?.(done, files.length));
    if (broken.length > 0) throw new DataError({ where: broken[0].file, expected: 'a picture', got: broken[0].reason });
    return { data: vectors, width: embedder.size };
  } finally {
    await embedder.close();
  }
}

async function fromSamples(
  { dataset, model, state, engine, onProgress }: DatasetFeaturesOptions,
  { inputShape, write }: Preparation,
): Promise<DatasetFeatures> {
  const { length, sampleShape } = dataset;
  const size = Math.min(largestBatch, length);
  const graph = featureGraph(model, [size, ...inputShape]);
  const width = graph.values[graph.outputs.features].shape[1];
  const store = await engine.createStore();
  await store.load(state);
  const program = await engine.compile(graph, store);
  const data = new Float32Array(length * width);
  const keep = (begin: number, { features }: Results) => {
    const count = Math.min(size, length - begin);
    data.set((features.data as Float32Array).subarray(0, count * width), begin * width);
    onProgress?.(begin + count, length);
  };
  try {
    let before: (() => Promise<void>) | undefined;
    for (let begin = 0; begin < length; begin += size) {
      const x = new Float32Array(size * sizeOf(inputShape));
      const count = Math.min(size, length - begin);
      const samples = new Float32Array(count * sizeOf(sampleShape));
      await dataset.read(
        Uint32Array.from({ length: count }, (_, i) => begin + i),
        samples,
      );
      for (let i = 0; i < count; i++)
        write(samples.subarray(i * sizeOf(sampleShape), (i + 1) * sizeOf(sampleShape)), x, i * sizeOf(inputShape));
      const answer = run(program, x, [size, ...inputShape]);
      await before?.();
      before = async () => keep(begin, await answer);
    }
    await before?.();
  } finally {
    await program.close();
    await store.close();
  }
  normalizeRows(
    data,
    width,
    Array.from({ length }, (_, n) => `${dataset.name}, sample ${n}`),
  );
  return { data, width };
}

function run(program: Program, data: Float32Array<ArrayBuffer>, shape: Shape): Promise<Results> {
  const answer = program.run({ x: { dtype: 'f32', shape, data } });
  // An error is reported where it is awaited; until then it is not unhandled.
  answer.catch(() => {});
  return answer;
}
