import { NumericError } from '../core/errors.ts';
import { f32, i32, type NdArray, type StateDict } from '../core/ndarray.ts';
import { hashKeys } from '../core/rng.ts';
import { epochOrder } from '../data/order.ts';
import type { Engine, EngineInfo, Results, Store } from '../engine/engine.ts';
import { openEngine } from '../engine/threaded/index.ts';
import { createModel } from '../models/index.ts';
import { initialState, type Module } from '../nn/module.ts';
import { learningRate } from '../optim/schedules.ts';
import { BatchReader } from './batch-reader.ts';
import type { Checkpoint, CheckpointMetadata, WeightsName } from './checkpoint.ts';
import { findNonFinite, prepareWeightsFolder, saveCheckpoint, weightsFile } from './checkpoint.ts';
import { type Evaluation, Evaluator } from './evaluate.ts';
import { countCorrect } from './metrics.ts';
import { planSteps, type StepProgram } from './plan-steps.ts';
import { type HistoryRow, initialProgress, type Progress } from './progress.ts';
import { completeRecipe, type Recipe, scheduleOf } from './recipe.ts';
import { checkResumable } from './resume.ts';
import type { TrainOptions, TrainResult } from './train-options.ts';

const scalar = (value: number): NdArray<'f32'> => f32([value], []);
const nowSeconds = () => performance.now() / 1000;

/**
 * The training loop over planned programs: two steps are always in flight, so the engine never waits for the batch that comes next.
 *
 * A checkpoint is written before the first step, at every evaluation and when the run is interrupted, and only if the losses since the
 * checkpoint before, the test loss and all weights are finite. If they are not, `NumericError` names the step and the files stay those of
 * the last evaluation before it.
 */
export class Trainer {
  readonly recipe: Recipe;
  readonly engineInfo: EngineInfo;
  readonly module: Module;
  readonly stepsPerEpoch: number;
  readonly #options: TrainOptions;
  readonly #openEngine: Engine;
  readonly #store: Store;
  /** By batch size: the usual one and, if the images do not divide evenly, the last of an epoch. */
  readonly #programs: ReadonlyMap<number, StepProgram>;
  readonly #evaluator: Evaluator;
  readonly #reader: BatchReader;
  readonly #progress: Progress;
  #order: { epoch: number; indices: Uint32Array } = { epoch: -1, indices: new Uint32Array() };
  #evaluation: Evaluation | undefined;
  #startSeconds = 0;
  #savedStep = 0;
  #saved: Promise<void> = Promise.resolve();
  #runFolder: string | undefined;

  private constructor(parts: {
    recipe: Recipe;
    module: Module;
    options: TrainOptions;
    engine: Engine;
    store: Store;
    programs: ReadonlyMap<number, StepProgram>;
    evaluator: Evaluator;
  }) {
    this.recipe = parts.recipe;
    this.module = parts.module;
    this.engineInfo = parts.engine.info;
    this.stepsPerEpoch = Math.ceil(parts.options.trainSet.length / parts.recipe.batchSize);
    this.#options = parts.options;
    this.#openEngine = parts.engine;
    this.#store = parts.store;
    this.#programs = parts.programs;
    this.#evaluator = parts.evaluator;
    this.#reader = new BatchReader(parts.options.trainSet, Math.max(...parts.programs.keys()));
    this.#progress = structuredClone(parts.options.resume?.metadata.progress ?? initialProgress());
    this.#savedStep = this.#progress.step;
  }

  /** Plans everything a run needs: the programs of both batch sizes and of the evaluation, over one store. */
  static async open(options: TrainOptions): Promise<Trainer> {
    const { trainSet, testSet, resume } = options;
    const given = completeRecipe(options.recipe ?? resume?.metadata.recipe ?? {});
    const recipe = options.model ? { ...given, model: options.model.constructor.name } : given;
    const module = options.model ?? createModel(recipe.model, { classes: trainSet.classes.length, inChannels: trainSet.sampleShape[0] });
    if (resume) checkResumable(resume, module, trainSet);
    const engine = options.engine ?? (await openEngine(recipe));
    try {
      const store = await engine.createStore();
      const { programs, optimizerState } = await planSteps({ recipe, module, trainSet, engine, store });
      const evaluator = await Evaluator.create({ module, dataset: testSet, engine, store });
      await store.load(resume?.model ?? initialState(module, recipe.seed));
      await store.load(resume?.optimizer ?? optimizerState);
      return new Trainer({ recipe, module, options, engine, store, programs, evaluator });
    } catch (error) {
      if (!options.engine) await engine.close();
      throw error;
    }
  }

  /** Where the run stands. */
  get progress(): Progress {
    return structuredClone(this.#progress);
  }

  /** Trains to the end, or until the signal. `runFolder`: where checkpoints go; default: that of the options. */
  async run({ runFolder = this.#options.runFolder }: { runFolder?: string } = {}): Promise<TrainResult> {
    const { signal, resume, trainSet } = this.#options;
    this.#runFolder = runFolder;
    const progress = this.#progress;
    this.#startSeconds = nowSeconds() - progress.seconds;
    if (runFolder) await prepareWeightsFolder(runFolder);
    const isOver = () => progress.epoch >= this.recipe.epochs;
    try {
      if (!resume) await this.#save(['last']);
      while (!signal?.aborted && !isOver()) {
        await this.#runTo(this.#nextStop());
        if (!this.#isDue() || !(await this.#evaluate())) continue;
        if (progress.batch === this.stepsPerEpoch) this.#endEpoch();
        await this.#save(this.#isBest() ? ['best', 'last'] : ['last']);
      }
      if (!isOver()) await this.#save(['last']);
    } finally {
      await this.#saved;
    }
    const interrupted = !isOver();
    if (!interrupted && !this.#evaluation) this.#evaluation = await this.#evaluator.run(signal);
    return {
      model: this.module,
      state: await this.#store.read([...this.module.parameters().keys()]),
      classes: trainSet.classes,
      recipe: this.recipe,
      progress: this.progress,
      evaluation: interrupted ? undefined : this.#evaluation,
      interrupted,
      engineInfo: this.engineInfo,
      runFolder,
    };
  }

  async close(): Promise<void> {
    for (const { program } of this.#programs.values()) await program.close();
    await this.#evaluator.close();
    if (!this.#options.engine) await this.#openEngine.close();
  }

  /** Whether the images done since the last evaluation call for one. */
  #isDue(): boolean {
    const { batch, step, history } = this.#progress;
    const isAtStop = batch > 0 && (batch % this.recipe.evalEvery === 0 || batch === this.stepsPerEpoch);
    return isAtStop && history.at(-1)?.step !== step;
  }

  /** Batch of this epoch after which the next evaluation is due: none before it if one is due now. */
  #nextStop(): number {
    const { evalEvery } = this.recipe;
    const { batch } = this.#progress;
    return this.#isDue() ? batch : Math.min((Math.floor(batch / evalEvery) + 1) * evalEvery, this.stepsPerEpoch);
  }

  #isBest(): boolean {
    return this.#progress.best?.step === this.#progress.step;
  }

  /** Runs steps up to `stop` batches of this epoch, or to the end of the step under way if the run is aborted. */
  async #runTo(stop: number): Promise<void> {
    const began = nowSeconds();
    const first = this.#progress.batch;
    let settle: (() => Promise<void>) | undefined;
    for (let batch = first; batch < stop && !this.#options.signal?.aborted; batch++) {
      const started = await this.#start(batch, this.#progress.step + batch - this.#progress.batch);
      await settle?.();
      settle = started;
    }
    await settle?.();
    this.#progress.trainSeconds += nowSeconds() - began;
    this.#progress.windowSeconds += nowSeconds() - began;
  }

  /** Enqueues the step of one batch; the returned function waits for it and counts it. */
  async #start(batch: number, stepsDone: number): Promise<() => Promise<void>> {
    const { recipe } = this;
    const { trainSet } = this.#options;
    const { epoch } = this.#progress;
    if (this.#order.epoch !== epoch) this.#order = { epoch, indices: epochOrder(trainSet.length, { seed: recipe.seed, epoch }) };
    const indices = this.#order.indices.slice(batch * recipe.batchSize, (batch + 1) * recipe.batchSize);
    const { x, target } = await this.#reader.read(indices);
    const step = stepsDone + 1;
    const lr = learningRate(scheduleOf(recipe), recipe.lr, {
      epoch,
      step: stepsDone,
      stepsPerEpoch: this.stepsPerEpoch,
      epochs: recipe.epochs,
    });
    const feeds = { x, target, lr: scalar(lr), step: scalar(step), seed: i32([hashKeys(recipe.seed, 'step', step)], []) };
    const { program, inputs } = this.#programs.get(indices.length)!;
    const answer = program.run(Object.fromEntries(Object.entries(feeds).filter(([name]) => inputs.has(name))));
    // An error is reported where the step is awaited; until then it is not unhandled.
    answer.catch(() => {});
    return async () => this.#count(await answer, target, lr);
  }

  #count({ loss, y }: Results, target: NdArray<'i32'>, lr: number): void {
    const progress = this.#progress;
    const value = Number(loss.data[0]);
    if (!Number.isFinite(value)) throw this.#notFinite(`step ${progress.step + 1}`, 'loss', value);
    const n = target.data.length;
    progress.step++;
    progress.batch++;
    progress.epochImages += n;
    progress.epochCorrect += countCorrect(y.data as Float32Array, target.data);
    progress.windowImages += n;
    progress.windowLoss += value * n;
    progress.lr = lr;
    const { step, epochImages: images } = progress;
    this.#options.onStep?.({ epoch: progress.epoch + 1, step, loss: value, images, trainImages: this.#options.trainSet.length });
  }

  /** Evaluates and adds a row to the history. False if the run is aborted meanwhile: a resumed one does it again. */
  async #evaluate(): Promise<boolean> {
    const progress = this.#progress;
    const evaluation = await this.#evaluator.run(this.#options.signal);
    if (!evaluation) return false;
    if (!Number.isFinite(evaluation.loss)) throw this.#notFinite(`test after step ${progress.step}`, 'loss', evaluation.loss);
    this.#evaluation = evaluation;
    progress.seconds = nowSeconds() - this.#startSeconds;
    const row: HistoryRow = {
      epoch: progress.epoch + 1,
      step: progress.step,
      images: progress.epochImages,
      loss: progress.windowLoss / progress.windowImages,
      trainAccuracy: progress.epochCorrect / progress.epochImages,
      testLoss: evaluation.loss,
      testAccuracy: evaluation.accuracy,
      lr: progress.lr,
      seconds: progress.seconds,
      imagesPerSecond: progress.windowImages / progress.windowSeconds,
    };
    progress.history.push(row);
    Object.assign(progress, { windowImages: 0, windowLoss: 0, windowSeconds: 0 });
    if (row.testAccuracy > (progress.best?.testAccuracy ?? -1))
      progress.best = { epoch: row.epoch, step: row.step, testAccuracy: row.testAccuracy };
    this.#options.onEvaluate?.(row, evaluation);
    return true;
  }

  #endEpoch(): void {
    Object.assign(this.#progress, { epoch: this.#progress.epoch + 1, batch: 0, epochImages: 0, epochCorrect: 0 });
    this.#options.onEpoch?.(this.#progress.history.at(-1)!);
  }

  /** Takes the weights as they are now; they are written while training goes on, one checkpoint at a time. */
  async #save(names: readonly WeightsName[]): Promise<void> {
    const { trainSet, testSet } = this.#options;
    const runFolder = this.#runFolder;
    if (!runFolder) return;
    this.#progress.seconds = nowSeconds() - this.#startSeconds;
    const all = await this.#store.read();
    const broken = findNonFinite(all);
    if (broken) throw this.#notFinite(`step ${this.#progress.step}`, broken, Number.NaN);
    const keys = this.module.parameters();
    const split = (own: boolean): StateDict => new Map([...all].filter(([name]) => keys.has(name) === own));
    const { name, version, isa, threads } = this.engineInfo;
    const metadata: CheckpointMetadata = {
      version: 1,
      model: this.recipe.model,
      classes: [...trainSet.classes],
      sampleShape: [...trainSet.sampleShape],
      trainImages: trainSet.length,
      testImages: testSet.length,
      engine: { name, version, isa, threads },
      recipe: this.recipe,
      progress: this.progress,
    };
    await this.#saved;
    this.#savedStep = metadata.progress.step;
    this.#saved = this.#write(runFolder, names, { metadata, model: split(true), optimizer: split(false) });
    // An error is reported where the write is awaited; until then it is not unhandled.
    this.#saved.catch(() => {});
  }

  async #write(runFolder: string, names: readonly WeightsName[], checkpoint: Checkpoint): Promise<void> {
    const { metadata } = checkpoint;
    for (const weights of names)
      await saveCheckpoint(weightsFile(runFolder, weights), weights === 'last' ? checkpoint : { ...checkpoint, optimizer: new Map() });
    await this.#options.onCheckpoint?.(runFolder, metadata.progress);
  }

  #notFinite(where: string, what: string, value: number): NumericError {
    const kept = this.#runFolder ? `${weightsFile(this.#runFolder, 'last')} holds the weights after step ${this.#savedStep}. ` : '';
    return new NumericError({
      where,
      expected: `a finite ${what}`,
      got: `${value}`,
      hint: `${kept}Use a lower learning rate (it was ${this.#progress.lr || this.recipe.lr}), or limit the gradients' norm`,
    });
  }
}

/**
 * Trains a network: the whole run, from planning to the last evaluation.
 *
 * - `model` the network, `trainSet`, `testSet` the samples, `recipe` how (`completeRecipe` lists fields and defaults)
 * - `runFolder` where checkpoints go; `resume` goes on from one; `signal` ends the run early; `on…` are told how it goes
 *
 * Numerics: the same recipe, engine and thread count give the same weights bit for bit, also when stopped at any step and resumed.
 *
 * **Throws** `NumericError` naming the step if a loss is not finite; `UsageError` for a recipe out of range; `ShapeError` if network and
 * pictures do not fit; `CheckpointError` if a checkpoint cannot be written or does not fit.
 *
 * @example const { progress } = await train({ model: new Cnn(), trainSet, testSet, recipe: { epochs: 3 } });
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const trainer = await Trainer.open(options);
  try {
    return await trainer.run();
  } finally {
    await trainer.close();
  }
}
