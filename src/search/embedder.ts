import { createHash } from 'node:crypto';
import { CheckpointError, DataError, EngineError, NumericError, UsageError } from '../core/errors.ts';
import type { StateDict } from '../core/ndarray.ts';
import { formatShape, type Shape } from '../core/shape.ts';
import { type BrokenFile, reasonOf } from '../data/check-pictures.ts';
import { openLoader } from '../data/loader/index.ts';
import { decodePicture } from '../data/picture.ts';
import { pictureDataset } from '../data/picture-dataset.ts';
import { isDeterministic, sampleShapeOf, type TransformList } from '../data/transforms/index.ts';
import type { Engine, Store } from '../engine/engine.ts';
import { ProgramsBySize } from '../engine/programs-by-size.ts';
import { openEngine } from '../engine/threaded/index.ts';
import type { WithEngine } from '../engine/threaded/with-engine.ts';
import { bytesOf } from '../formats/bytes.ts';
import { type Graph, isPersistent } from '../graph/graph.ts';
import type { Module } from '../nn/module.ts';
import { featureGraph } from './features.ts';

export interface EmbedderOptions extends WithEngine {
  model: Module;
  state: StateDict;
  /** How a picture becomes the network's input: no random ones. */
  transforms: TransformList;
  /** Threads that decode; default: the loader's own, or none for a few pictures. */
  workers?: number;
}

/** Vectors of files: row `i` belongs to file `i`; a broken file's row is zero. */
export interface Embedded {
  vectors: Float32Array;
  broken: BrokenFile[];
}

/** What is there after a batch: the rows from `begin` are new. */
export type OnBatch = (done: number, soFar: Embedded & { begin: number }) => unknown;

const largestBatch = 16;
/** Starting threads takes longer than decoding so few pictures. */
const fewPictures = 24;

/** What the features depend on: the layers up to them, their numbers and what is done to a picture before. */
function identityOf(graph: Graph, state: StateDict, transforms: TransformList): string {
  const hash = createHash('sha256').update(JSON.stringify([graph.nodes.map(({ op, attrs, inputs }) => [op, attrs, inputs]), transforms]));
  for (const { name, shape } of graph.values.filter(isPersistent)) {
    const data = state.get(name)?.data;
    hash.update(JSON.stringify([name, shape]));
    if (data) hash.update(bytesOf(data));
  }
  return hash.digest('hex');
}

/** Makes a vector of length 1 of every row; a row of zeros stays. **Throws** `NumericError` naming the first row that is not finite. */
export function normalizeRows(vectors: Float32Array, size: number, names: readonly string[]): void {
  for (const [row, file] of names.entries()) {
    const vector = vectors.subarray(row * size, (row + 1) * size);
    let sum = 0;
    for (const value of vector) sum += value * value;
    if (!Number.isFinite(sum))
      throw new NumericError({ where: file, expected: 'finite features', got: 'NaN or infinity', hint: 'The weights may be damaged' });
    const scale = sum > 0 ? 1 / Math.sqrt(sum) : 0;
    for (let i = 0; i < size; i++) vector[i] *= scale;
  }
}

/** Places of files, batch by batch. */
const batchesOf = (count: number): Uint32Array[] =>
  Array.from({ length: Math.ceil(count / largestBatch) }, (_, batch) =>
    Uint32Array.from({ length: Math.min(largestBatch, count - batch * largestBatch) }, (_, i) => batch * largestBatch + i),
  );

/** The files that cannot be decoded to their last pixel. */
async function brokenOf(files: readonly string[]): Promise<BrokenFile[]> {
  const broken: BrokenFile[] = [];
  for (const file of files)
    await decodePicture(file).catch((error: unknown) => {
      if (!(error instanceof DataError)) throw error;
      broken.push({ file, reason: reasonOf(error, file) });
    });
  return broken;
}

/** What transforms make of every picture, `[C, H, W]`. **Throws** `UsageError` if they draw random numbers or sizes differ. */
export function fixedShapeOf(transforms: TransformList, where: string): Shape {
  const shape = sampleShapeOf(transforms, where);
  if (shape && isDeterministic(transforms)) return shape;
  throw new UsageError({
    where,
    expected: 'transforms that draw no random numbers and make all pictures the same size',
    got: transforms.map(({ name }) => name).join(', '),
    hint: 'Use those of the validation',
  });
}

/** Turns picture files into vectors of length 1. The engine starts with the first picture. */
export class Embedder {
  /** Length of a vector. */
  readonly size: number;
  /** Two embedders of one identity give the same vectors. */
  readonly identity: string;
  readonly #options: EmbedderOptions;
  readonly #programs: ProgramsBySize;
  #running: Promise<{ engine: Engine; store: Store }> | undefined;
  #closed = false;

  constructor(options: EmbedderOptions) {
    const { model, state, transforms } = options;
    const sampleShape = fixedShapeOf(transforms, 'search');
    const graph = featureGraph(model, [1, ...sampleShape]);
    const missing = graph.values.filter(isPersistent).find(({ name }) => !state.has(name));
    if (missing)
      throw new CheckpointError({ where: 'search', expected: `${missing.name} ${formatShape(missing.shape)}`, got: 'no such weight' });
    this.#options = options;
    this.#programs = new ProgramsBySize(async (batchSize) => {
      this.#running ??= this.#start();
      const { engine, store } = await this.#running;
      return engine.compile(featureGraph(model, [batchSize, ...sampleShape]), store);
    });
    this.size = graph.values[graph.outputs.features].shape[1];
    this.identity = identityOf(graph, state, transforms);
  }

  /**
   * The vectors of some files. A file that cannot be decoded is listed as broken.
   *
   * - `onBatch` is told how many files are done and what is there so far; it is waited for
   *
   * **Throws** `NumericError` naming the file if features are not finite; `EngineError` after `close`.
   */
  async embed(files: readonly string[], onBatch?: OnBatch): Promise<Embedded> {
    const found: Embedded = { vectors: new Float32Array(files.length * this.size), broken: [] };
    if (files.length === 0) return found;
    const { transforms, workers = files.length < fewPictures ? 0 : undefined } = this.#options;
    const split = { files, labels: new Int32Array(files.length) };
    const dataset = pictureDataset({ name: 'search', split, classes: ['picture'], transforms });
    const loader = openLoader({ workers, cacheBytes: 0 });
    let begin = 0;
    try {
      for await (const { x, replaced = [] } of loader.batches(dataset, { order: batchesOf(files.length), epoch: 0 })) {
        this.checkOpen();
        const program = await this.#programs.of(x.shape[0]);
        const { features } = await program.run({ x });
        const rows = found.vectors.subarray(begin * this.size, (begin + x.shape[0]) * this.size);
        rows.set(features.data as Float32Array);
        normalizeRows(rows, this.size, files.slice(begin, begin + x.shape[0]));
        for (const place of replaced) rows.fill(0, place * this.size, (place + 1) * this.size);
        found.broken = loader.broken;
        await onBatch?.(begin + x.shape[0], { ...found, begin });
        begin += x.shape[0];
      }
    } catch (error) {
      // The loader puts a whole picture in the place of a broken one, and gives up where there is none.
      const broken = error instanceof DataError && begin === 0 ? await brokenOf(files) : [];
      if (broken.length < files.length) throw error;
      found.broken = broken;
      await onBatch?.(files.length, { ...found, begin });
    } finally {
      await loader.close();
    }
    return found;
  }

  /** **Throws** `EngineError` after `close`. */
  checkOpen(): void {
    if (this.#closed) throw new EngineError({ where: 'search', expected: 'an open index', got: 'one that was closed' });
  }

  /** Ends the engine, unless it was given. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#programs.close();
    const running = await this.#running?.catch(() => undefined);
    this.#running = undefined;
    await running?.store.close();
    if (typeof this.#options.engine !== 'object') await running?.engine.close();
  }

  async #start(): Promise<{ engine: Engine; store: Store }> {
    const { engine: given, threads, state } = this.#options;
    const engine = typeof given === 'object' ? given : await openEngine({ engine: given, threads });
    try {
      const store = await engine.createStore();
      await store.load(state);
      return { engine, store };
    } catch (error) {
      if (engine !== given) await engine.close();
      throw error;
    }
  }
}
