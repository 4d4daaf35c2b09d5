import { evaluationGraph } from '../compile/step.ts';
import { NumericError } from '../core/errors.ts';
import type { StateDict } from '../core/ndarray.ts';
import { sizeOf } from '../core/shape.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Engine, Program, Results, Store } from '../engine/engine.ts';
import { type EngineOptions, openEngine } from '../engine/threaded/index.ts';
import { crossEntropyLoss } from '../nn/losses.ts';
import type { Module } from '../nn/module.ts';
import { BatchReader } from './batch-reader.ts';
import { countCorrect } from './metrics.ts';

export interface Evaluation {
  /** Mean cross-entropy over all samples. */
  loss: number;
  /** Share of samples whose highest logit is the target's. */
  accuracy: number;
  /** `[N, classes]`, row-major, in the order of the data set. */
  logits: Float32Array;
}

/** Numbers a batch of pictures may take: evaluation batches are as large as this allows, at most 1000. */
const maxBatchElements = 2 ** 22;
const largestBatch = 1000;

interface Planned {
  program: Program;
  size: number;
}

/** A data set's evaluation, planned once over a store and run as often as wanted. */
export class Evaluator {
  readonly #dataset: Dataset;
  readonly #batches: readonly Planned[];
  readonly #programs: readonly Program[];
  readonly #reader: BatchReader;

  private constructor(dataset: Dataset, batches: readonly Planned[]) {
    this.#dataset = dataset;
    this.#batches = batches;
    this.#reader = new BatchReader(dataset, batches[0].size);
    this.#programs = [...new Set(batches.map((b) => b.program))];
  }

  static async create({ module, dataset, engine, store }: { module: Module; dataset: Dataset; engine: Engine; store: Store }) {
    const { length, sampleShape } = dataset;
    const size = Math.min(length, largestBatch, Math.max(1, Math.floor(maxBatchElements / sizeOf(sampleShape))));
    const plan = async (n: number): Promise<Planned> => {
      const graph = evaluationGraph({ module, inputShape: [n, ...sampleShape], loss: crossEntropyLoss() });
      return { program: await engine.compile(graph, store), size: n };
    };
    const full = await plan(size);
    const batches = new Array<Planned>(Math.floor(length / size)).fill(full);
    if (length % size) batches.push(await plan(length % size));
    return new Evaluator(dataset, batches);
  }

  /** Runs over all samples, two batches in flight. Returns undefined if `signal` aborts on the way. */
  async run(signal?: AbortSignal): Promise<Evaluation | undefined> {
    const { classes, labels, length } = this.#dataset;
    const logits = new Float32Array(length * classes.length);
    let lossSum = 0;
    let begin = 0;
    let settle: (() => Promise<void>) | undefined;
    for (const { program, size } of this.#batches) {
      if (signal?.aborted) break;
      const from = begin;
      const { x, target } = await this.#reader.read(Uint32Array.from({ length: size }, (_, i) => from + i));
      const answer: Promise<Results> = program.run({ x, target });
      answer.catch(() => {});
      await settle?.();
      settle = async () => {
        const { y, loss } = await answer;
        logits.set(y.data as Float32Array, from * classes.length);
        lossSum += Number(loss.data[0]) * size;
      };
      begin += size;
    }
    await settle?.();
    if (begin < length) return undefined;
    return { loss: lossSum / length, accuracy: countCorrect(logits, labels) / length, logits };
  }

  async close(): Promise<void> {
    for (const program of this.#programs) await program.close();
  }
}

export interface WithEngine {
  /** An engine that is open already and stays open, or the kind to open for this call; default `auto`. */
  engine?: Engine | EngineOptions['engine'];
  /** Threads of an engine that is opened; default: the cores of this machine. */
  threads?: number;
}

/** Opens an engine for the length of a call, unless one is given. */
export async function withEngine<T>({ engine, threads }: WithEngine, body: (engine: Engine) => Promise<T>): Promise<T> {
  if (typeof engine === 'object') return body(engine);
  const own = await openEngine({ engine, threads });
  try {
    return await body(own);
  } finally {
    await own.close();
  }
}

/**
 * Loss and accuracy of weights on a data set.
 *
 *     loss = mean over samples of −log softmax(logits)[target],  accuracy = right / all
 *
 * - `model`, `state` the network and its weights, `dataset` the samples
 *
 * **Throws** `NumericError` if the loss is not finite.
 *
 * @example const { accuracy } = await evaluate({ model, state, dataset: mnist.test });
 */
export async function evaluate(options: { model: Module; state: StateDict; dataset: Dataset } & WithEngine): Promise<Evaluation> {
  const { model: module, state, dataset } = options;
  return withEngine(options, async (engine) => {
    const store = await engine.createStore();
    await store.load(state);
    const evaluator = await Evaluator.create({ module, dataset, engine, store });
    const evaluation = (await evaluator.run())!;
    await evaluator.close();
    if (!Number.isFinite(evaluation.loss))
      throw new NumericError({ where: dataset.name, expected: 'a finite loss', got: `${evaluation.loss}` });
    return evaluation;
  });
}
