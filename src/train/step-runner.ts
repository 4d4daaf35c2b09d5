import { i32, type NdArray, scalar } from '../core/ndarray.ts';
import { hashKeys } from '../core/rng.ts';
import type { Batch } from '../data/dataset.ts';
import type { Loader } from '../data/loader/index.ts';
import { batchIndices, epochOrder } from '../data/order.ts';
import type { Engine, Feeds, Program, Results, Store } from '../engine/engine.ts';
import { BatchSource } from './batch-source.ts';
import { FeatureBank } from './feature-bank.ts';
import { type Phase, ratesAt } from './phases.ts';
import { batchSizes, inputsOf, type StepContext, stepParts } from './plan-steps.ts';

/** Where a run stands before a step. */
export interface Place {
  epoch: number;
  /** Batches done in the epoch, and steps in all. */
  batch: number;
  step: number;
}

/** A step on its way. */
export interface StartedStep {
  answer: Promise<Results>;
  target: NdArray<'i32'>;
  lr: number;
}

interface Planned {
  program: Program;
  inputs: ReadonlySet<string>;
  features?: Program;
}

export interface RunnerOptions extends StepContext {
  engine: Engine;
  store: Store;
  loader?: Loader;
  /** Is told what is worth knowing, in words. */
  note?: (text: string) => void;
  /** Is told how many pictures were looked at, where features of all are computed first. */
  onPrepare?: (done: number, total: number) => void;
}

/** The steps of one phase of a run: planned programs, and the batches to feed them. */
export class StepRunner {
  readonly #options: RunnerOptions;
  /** By batch size. */
  readonly #programs: ReadonlyMap<number, Planned>;
  readonly #source: BatchSource;
  readonly #bank: FeatureBank | undefined;
  #isPrepared = false;
  readonly #stepsPerEpoch: number;
  #batches: { epoch: number; next: number; iterator: AsyncGenerator<Batch, void, undefined> } | undefined;

  private constructor(options: RunnerOptions, programs: ReadonlyMap<number, Planned>, source: BatchSource, bank?: FeatureBank) {
    this.#options = options;
    this.#programs = programs;
    this.#source = source;
    this.#bank = bank;
    this.#stepsPerEpoch = Math.ceil(options.trainSet.length / options.recipe.batchSize);
  }

  /** Plans the steps of a phase. */
  static async open(options: RunnerOptions, phase: Phase): Promise<StepRunner> {
    const { recipe, trainSet, engine, store, loader } = options;
    const sizes = batchSizes(recipe, trainSet);
    const source = new BatchSource(trainSet, { largestBatch: sizes[0], loader });
    const programs = new Map<number, Planned>();
    let bank: FeatureBank | undefined;
    for (const n of sizes) {
      const { features, rest } = stepParts(options, phase, n);
      if (features) bank ??= new FeatureBank(features, trainSet.length);
      programs.set(n, {
        program: await engine.compile(rest, store),
        inputs: inputsOf(rest),
        features: features && (await engine.compile(features, store)),
      });
    }
    return new StepRunner(options, programs, source, bank);
  }

  /** Where features of a frozen part can be kept, computes them, once. False if `signal` aborts on the way. */
  async prepare(signal?: AbortSignal): Promise<boolean> {
    const bank = this.#bank;
    if (!bank || this.#isPrepared) return true;
    const { trainSet, recipe, note, onPrepare } = this.#options;
    const { length } = trainSet;
    const order = batchIndices(epochOrder(length, { seed: 0, epoch: 0, shuffle: false }), recipe.batchSize);
    let done = 0;
    for await (const batch of this.#source.batches(order, 0)) {
      if (signal?.aborted) return false;
      const { features } = this.#programs.get(batch.indices.length)!;
      bank.put(done, batch, await features!.run({ x: batch.x }));
      done += batch.indices.length;
      onPrepare?.(done, length);
    }
    note?.(`features of ${length} training pictures computed once and kept (${Math.ceil(bank.bytes / 2 ** 20)} MiB)`);
    this.#isPrepared = true;
    return true;
  }

  /** Enqueues the step of one batch, with all learning rates times `factor`. */
  async start({ epoch, batch, step }: Place, factor = 1): Promise<StartedStep> {
    const { recipe } = this.#options;
    await this.prepare();
    const { feeds, target } = await this.#read(epoch, batch);
    const rates = ratesAt(recipe, { epoch, step, stepsPerEpoch: this.#stepsPerEpoch }, factor);
    const numbers = Object.fromEntries(Object.entries(rates).map(([name, value]) => [name, scalar(value)]));
    const all: Feeds = { ...feeds, target, ...numbers, seed: i32([hashKeys(recipe.seed, 'step', step + 1)], []) };
    const { program, inputs } = this.#programs.get(target.data.length)!;
    const answer = program.run(Object.fromEntries(Object.entries(all).filter(([name]) => inputs.has(name))));
    // An error is reported where the step is awaited; until then it is not unhandled.
    answer.catch(() => {});
    return { answer, target, lr: rates.lr };
  }

  async #read(epoch: number, batch: number): Promise<{ feeds: Feeds; target: NdArray<'i32'> }> {
    const { trainSet, recipe } = this.#options;
    if (this.#bank) {
      const order = epochOrder(trainSet.length, { seed: recipe.seed, epoch });
      const { feeds, indices } = this.#bank.take(order.slice(batch * recipe.batchSize, (batch + 1) * recipe.batchSize));
      return {
        feeds,
        target: i32(
          Array.from(indices, (index) => trainSet.labels[index]),
          [indices.length],
        ),
      };
    }
    if (this.#batches?.epoch !== epoch || this.#batches.next !== batch) {
      await this.stop();
      const order = batchIndices(epochOrder(trainSet.length, { seed: recipe.seed, epoch }), recipe.batchSize);
      this.#batches = { epoch, next: batch, iterator: this.#source.batches(order.slice(batch), epoch) };
    }
    this.#batches.next++;
    const { value } = await this.#batches.iterator.next();
    const { x, target } = value!;
    return { feeds: { x }, target };
  }

  /** Ends reading ahead. */
  async stop(): Promise<void> {
    const batches = this.#batches;
    this.#batches = undefined;
    await batches?.iterator.return();
  }

  async close(): Promise<void> {
    await this.stop();
    for (const { program, features } of this.#programs.values()) {
      await program.close();
      await features?.close();
    }
  }
}
