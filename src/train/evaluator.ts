import { evaluationGraph, evaluationParts, type Parts } from '../compile/step.ts';
import { ShapeError } from '../core/errors.ts';
import { formatShape, sameShape, sizeOf } from '../core/shape.ts';
import type { Batch, Dataset } from '../data/dataset.ts';
import type { Loader } from '../data/loader/index.ts';
import { batchIndices, epochOrder } from '../data/order.ts';
import type { Engine, Feeds, Program, Results, Store } from '../engine/engine.ts';
import { crossEntropyLoss } from '../nn/losses.ts';
import type { Module } from '../nn/module.ts';
import { BatchSource } from './batch-source.ts';
import { type Evaluation, EvaluationSums } from './evaluation-sums.ts';
import { bankBytes, mostBankBytes } from './feature-bank.ts';

/** Numbers a batch may hold, and samples: larger ones of small pictures outgrow a core’s cache. */
const maxBatchElements = 2 ** 22;
const largestBatch = 250;
/** Samples in memory that take no more than this are kept as the network takes them: they are the same at every evaluation. */
const mostInputBytes = 2 ** 26;

interface Planned {
  program: Program;
  features?: Program;
}

/** What the program is fed for a batch. */
interface Prepared {
  feeds: Feeds;
  batch: Pick<Batch, 'target' | 'replaced'>;
}

interface EvaluatorParts {
  dataset: Dataset;
  order: readonly Uint32Array[];
  programs: ReadonlyMap<number, Planned>;
  source: BatchSource;
  keeps: boolean;
}

interface EvaluatorOptions {
  module: Module;
  dataset: Dataset;
  engine: Engine;
  store: Store;
  /** Reads pictures ahead. */
  loader?: Loader;
  /** Which numbers can change between two runs; what the others make of the samples is computed once. Default: all. */
  changes?: (path: string) => boolean;
}

/** A data set's evaluation, planned once over a store and run as often as wanted. */
export class Evaluator {
  readonly #dataset: Dataset;
  readonly #order: readonly Uint32Array[];
  /** By batch size. */
  readonly #programs: ReadonlyMap<number, Planned>;
  readonly #source: BatchSource;
  /** Whether every run feeds the programs the same numbers, and they take little memory. */
  readonly #keeps: boolean;
  #kept: Prepared[] | undefined;

  private constructor(parts: EvaluatorParts) {
    this.#dataset = parts.dataset;
    this.#order = parts.order;
    this.#programs = parts.programs;
    this.#source = parts.source;
    this.#keeps = parts.keeps;
  }

  static async create({ module, dataset, engine, store, loader, changes = () => true }: EvaluatorOptions): Promise<Evaluator> {
    const { length, sampleShape, classes } = dataset;
    const size = Math.min(length, largestBatch, Math.max(1, Math.floor(maxBatchElements / sizeOf(sampleShape))));
    const order = batchIndices(epochOrder(length, { seed: 0, epoch: 0, shuffle: false }), size);
    const programs = new Map<number, Planned>();
    for (const n of new Set(order.map((indices) => indices.length))) {
      const options = { module, inputShape: [n, ...sampleShape], loss: crossEntropyLoss() };
      const parts = evaluationParts({ ...options, trains: changes });
      const isKept = parts.features && bankBytes(parts.features, length) <= mostBankBytes;
      const { features, rest }: Parts = isKept ? parts : { rest: evaluationGraph(options) };
      const { shape } = rest.values[rest.outputs.y];
      if (!sameShape(shape, [n, classes.length]))
        throw new ShapeError({
          where: dataset.name,
          expected: `a network with ${classes.length} scores, one a class`,
          got: formatShape(shape),
        });
      programs.set(n, {
        program: await engine.compile(rest, store),
        features: features && (await engine.compile(features, store)),
      });
    }
    const hasFeatures = [...programs.values()].some(({ features }) => features);
    const keeps = hasFeatures || (!dataset.pictures && 4 * length * sizeOf(sampleShape) <= mostInputBytes);
    return new Evaluator({ dataset, order, programs, keeps, source: new BatchSource(dataset, { largestBatch: size, loader, keeps }) });
  }

  /** Runs over all samples, two batches in flight. Returns undefined if `signal` aborts on the way; `onProgress` is told how many are done. */
  async run(signal?: AbortSignal, onProgress?: (done: number, total: number) => void): Promise<Evaluation | undefined> {
    const { classes, length } = this.#dataset;
    const sums = new EvaluationSums(length, classes.length, this.#dataset.labels);
    let settle: (() => Promise<void>) | undefined;
    const prepared: Prepared[] = [];
    let begin = 0;
    for await (const one of this.#prepare()) {
      if (signal?.aborted) break;
      if (this.#keeps) prepared.push(one);
      const from = begin;
      const answer: Promise<Results> = this.#programOf(one).program.run({ ...one.feeds, target: one.batch.target });
      answer.catch(() => {});
      await settle?.();
      begin += one.batch.target.data.length;
      const done = begin;
      settle = async () => {
        sums.add(from, await answer, one.batch);
        onProgress?.(done, length);
      };
    }
    await settle?.();
    if (begin < length) return undefined;
    if (this.#keeps) this.#kept ??= prepared;
    return sums.result();
  }

  #programOf({ batch }: Prepared): Planned {
    return this.#programs.get(batch.target.data.length)!;
  }

  async *#prepare(): AsyncGenerator<Prepared, void, undefined> {
    if (this.#kept) {
      yield* this.#kept;
      return;
    }
    for await (const batch of this.#source.batches(this.#order, 0)) {
      const { features } = this.#programs.get(batch.indices.length)!;
      const { x, target, replaced } = batch;
      yield { feeds: features ? await features.run({ x }) : { x }, batch: { target, replaced } };
    }
  }

  async close(): Promise<void> {
    for (const { program, features } of this.#programs.values()) {
      await program.close();
      await features?.close();
    }
  }
}
