import { countCorrect } from '../core/argmax.ts';
import { NumericError, UsageError } from '../core/errors.ts';
import { findNonFinite, type NdArray, type StateDict } from '../core/ndarray.ts';
import { type Loader, openLoader } from '../data/loader/index.ts';
import type { Engine, EngineInfo, Results, Store } from '../engine/engine.ts';
import { openEngine } from '../engine/threaded/index.ts';
import { modelSource } from '../models/registry.ts';
import type { Module } from '../nn/module.ts';
import { countEvaluation, countStep, endEpoch, isEvaluationDue, nextStop, type Stops } from './advance.ts';
import { loseBest, mendBest, readBest } from './best-weights.ts';
import { checkSets, refuseOwnParts, refuseTransfer } from './check-options.ts';
import { CheckpointWriter } from './checkpoint-writer.ts';
import { describeRun } from './describe-run.ts';
import type { Evaluation } from './evaluation-sums.ts';
import { type Learner, ownLearner, prepareLearner } from './learner.ts';
import { countTopK } from './metrics.ts';
import { phaseAt, phasesOf } from './phases.ts';
import { firstOptimizerState } from './plan-steps.ts';
import { initialProgress, isRunOver, type Progress } from './progress.ts';
import { completeRecipe, type Recipe } from './recipe.ts';
import { checkResumable } from './resume.ts';
import { Stages } from './stages.ts';
import type { TrainOptions, TrainResult } from './train-options.ts';
import type { WeightsName } from './weights-files.ts';

/** What a recipe says of a network that the caller made. */
const ownNetwork = { weights: 'none', freeze: 'none' } as const;
const nameOf = (model: Module): string => modelSource(model)?.name ?? model.constructor.name;

const nowSeconds = () => performance.now() / 1000;

interface TrainerParts {
  recipe: Recipe;
  learner: Learner;
  options: TrainOptions;
  engine: Engine;
  store: Store;
  loader: Loader | undefined;
}

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
  /** State-dict keys of what trains from the first epoch on. */
  readonly trainedKeys: readonly string[];
  readonly stepsPerEpoch: number;
  readonly #parts: TrainerParts;
  readonly #stages: Stages;
  readonly #progress: Progress;
  #evaluation: Evaluation | undefined;
  /** Weights of the best evaluation, where no file has them. */
  #bestState: StateDict | undefined;
  #startSeconds = 0;
  /** Aborts when the caller says so, or closes the trainer. */
  readonly #signal: AbortSignal;
  readonly #closing = new AbortController();
  /** The run under way. */
  #running: Promise<TrainResult> | undefined;
  #closed: Promise<void> | undefined;
  #writer: CheckpointWriter | undefined;

  private constructor(parts: TrainerParts) {
    const { recipe, learner, engine, store, loader, options } = parts;
    this.recipe = recipe;
    this.module = learner.module;
    this.engineInfo = engine.info;
    this.trainedKeys = [...learner.module.parameters()].filter(([key, { trains }]) => trains && learner.trains(key)).map(([key]) => key);
    this.stepsPerEpoch = Math.ceil(options.trainSet.length / recipe.batchSize);
    this.#parts = parts;
    this.#signal = AbortSignal.any([this.#closing.signal, ...(options.signal ? [options.signal] : [])]);
    const { trainSet, testSet, onNote, onPrepare } = options;
    this.#stages = new Stages(
      { recipe, module: learner.module, trainSet, testSet, engine, store, loader, onNote, onPrepare },
      phasesOf(recipe, learner),
    );
    this.#progress = structuredClone(options.resume?.metadata.progress ?? initialProgress());
  }

  /** Prepares everything a run needs: network and weights, engine, planned programs over one store. */
  static async open(options: TrainOptions): Promise<Trainer> {
    const { trainSet, testSet, resume: before, runFolder, onNote, model, state, trains } = options;
    // Before weights are downloaded for them.
    if (!before) checkSets(trainSet, testSet);
    const wanted = options.recipe ?? before?.metadata.recipe ?? {};
    if (model) refuseTransfer(options.recipe ?? {});
    else refuseOwnParts(options);
    // Of the caller's own network the recipe says nothing: neither what a folder of pictures would be given.
    const recipe = model ? { ...completeRecipe({ ...wanted, ...ownNetwork }), model: nameOf(model) } : completeRecipe(wanted);
    const resuming = Boolean(before);
    const sizes = { classes: trainSet.classes.length, inChannels: trainSet.sampleShape[0], resuming };
    const download = { signal: options.signal, onProgress: options.onDownload };
    const learner = model
      ? ownLearner(model, { seed: recipe.seed, resuming, state, trains })
      : await prepareLearner(recipe, sizes, download);
    if (before) {
      checkResumable(before, { recipe, module: learner.module, trainSet });
      checkSets(trainSet, testSet);
    }
    const resume = before && runFolder ? await mendBest(before, runFolder, onNote) : before;
    const engine = options.engine ?? (await openEngine(recipe));
    const { workers, strict } = recipe;
    const loader = trainSet.pictures || testSet.pictures ? openLoader({ workers, strict }) : undefined;
    const store = await engine.createStore();
    const trainer = new Trainer({ recipe, learner, options: { ...options, resume }, engine, store, loader });
    try {
      const context = { recipe, module: learner.module, trainSet };
      await store.load(resume?.model ?? learner.initial!);
      await store.load(new Map([...firstOptimizerState(context, phasesOf(recipe, learner)), ...(resume?.optimizer ?? [])]));
      await trainer.#enter();
      return trainer;
    } catch (error) {
      await trainer.close();
      throw error;
    }
  }

  /** Where the run stands. */
  get progress(): Progress {
    return structuredClone(this.#progress);
  }

  /** Pictures that could not be read so far, and why. */
  get broken(): readonly { file: string; reason: string }[] {
    return this.#parts.loader?.broken ?? [];
  }

  /**
   * Trains to the end, or until the signal. `runFolder`: where checkpoints go; default: that of the options.
   *
   * **Throws** `UsageError` while another run of this trainer is under way, or once it is closed; else what `train` throws.
   */
  async run({ runFolder = this.#parts.options.runFolder }: { runFolder?: string } = {}): Promise<TrainResult> {
    if (this.#running || this.#closed)
      throw new UsageError({
        where: 'run',
        expected: 'a trainer that is open and idle',
        got: this.#closed ? 'a closed one' : 'one that runs',
      });
    this.#running = this.#run(runFolder).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(runFolder: string | undefined): Promise<TrainResult> {
    const { resume, trainSet, onCheckpoint, onNote } = this.#parts.options;
    const signal = this.#signal;
    const progress = this.#progress;
    this.#startSeconds = nowSeconds() - progress.seconds;
    this.#writer = runFolder ? new CheckpointWriter(runFolder, resume && progress.step, onCheckpoint) : undefined;
    await this.#writer?.prepare();
    try {
      if (!resume) await this.#save(['last']);
      // A disk that takes no checkpoint is refused before any work is done.
      await this.#writer?.finish();
      while (!signal.aborted && !this.#isOver) {
        await this.#enter();
        await this.#runTo(nextStop(progress, this.#stops));
        if (!isEvaluationDue(progress, this.#stops) || !(await this.#evaluate())) continue;
        if (progress.batch === this.stepsPerEpoch) await this.#endEpoch();
        if (this.#isBest()) await this.#keepBest();
        await this.#save(this.#isBest() ? ['best', 'last'] : ['last']);
      }
      await this.#stages.runner.stop();
      if (!this.#isOver) await this.#save(['last']);
    } finally {
      await this.#writer?.finish();
    }
    const interrupted = !this.#isOver;
    const { epochs, patience } = this.recipe;
    if (!interrupted && progress.epoch < epochs)
      onNote?.(
        `ended after epoch ${progress.epoch}: no higher accuracy for ${patience === 1 ? 'an epoch' : `${patience} epochs`}; the best is epoch ${progress.best!.epoch}`,
      );
    // Without the signal: a run whose training is over has results.
    if (!interrupted && ((await this.#restoreBest()) || !this.#evaluation)) this.#evaluation = await this.#stages.evaluator.run();
    return {
      model: this.module,
      state: await this.#parts.store.read([...this.module.parameters().keys()]),
      classes: trainSet.classes,
      recipe: this.recipe,
      progress: this.progress,
      evaluation: interrupted ? undefined : this.#evaluation,
      interrupted,
      engineInfo: this.engineInfo,
      runFolder,
    };
  }

  /** Lets go of everything; a run under way ends first, as its signal would end it. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { loader, engine, store, options } = this.#parts;
    this.#closing.abort();
    await this.#running?.catch(() => undefined);
    await this.#stages.close();
    await store.close();
    await loader?.close();
    if (!options.engine) await engine.close();
  }

  /** Plans for the epoch under way, unless that is done. */
  #enter(): Promise<void> {
    const { epoch } = this.#progress;
    return this.#stages.enter(phaseAt(this.recipe, Math.min(epoch, this.recipe.epochs - 1)), epoch);
  }

  get #stops(): Stops {
    return { evalEvery: this.recipe.evalEvery, stepsPerEpoch: this.stepsPerEpoch };
  }

  get #isOver(): boolean {
    return isRunOver(this.#progress, this.recipe);
  }

  #isBest(): boolean {
    return this.#progress.best?.step === this.#progress.step;
  }

  async #keepBest(): Promise<void> {
    if (this.recipe.restoreBest && !this.#writer) this.#bestState = await this.#parts.store.read([...this.module.parameters().keys()]);
  }

  /** Goes back to the weights of the best evaluation, if the recipe says so and there were others since. */
  async #restoreBest(): Promise<boolean> {
    if (!this.recipe.restoreBest || !this.#progress.best || this.#isBest()) return false;
    const { state, problem } = this.#writer ? await readBest(this.#writer.runFolder) : { state: this.#bestState };
    if (state) await this.#parts.store.load(state);
    if (this.#writer && problem) {
      loseBest(this.#progress, problem, this.#parts.options.onNote);
      await this.#save(['best', 'last']);
      await this.#writer.finish();
    }
    return state !== undefined;
  }

  /** Runs steps up to `stop` batches of this epoch, or to the end of the step under way if the run is aborted. */
  async #runTo(stop: number): Promise<void> {
    if (!(await this.#stages.runner.prepare(this.#signal))) return;
    const began = nowSeconds();
    const { epoch, batch: first, step } = this.#progress;
    let settle: (() => Promise<void>) | undefined;
    for (let batch = first; batch < stop && !this.#signal.aborted; batch++) {
      const started = await this.#stages.runner.start({ epoch, batch, step: step + batch - first });
      await settle?.();
      settle = async () => this.#count(await started.answer, started.target, started.lr);
    }
    await settle?.();
    this.#progress.trainSeconds += nowSeconds() - began;
    this.#progress.windowSeconds += nowSeconds() - began;
  }

  async #count({ loss, y }: Results, target: NdArray<'i32'>, lr: number): Promise<void> {
    const progress = this.#progress;
    const value = Number(loss.data[0]);
    if (!Number.isFinite(value)) throw await this.#notFinite(`step ${progress.step + 1}`, 'loss', value);
    const logits = y.data as Float32Array;
    const correct = countCorrect(logits, target.data);
    countStep(progress, { loss: value, images: target.data.length, correct, near: countTopK(logits, target.data, 5), lr });
    const { step, epochImages: images } = progress;
    const { onStep, trainSet } = this.#parts.options;
    await onStep?.({ epoch: progress.epoch + 1, step, loss: value, images, trainImages: trainSet.length });
  }

  /** Evaluates and adds a row to the history. False if the run is aborted meanwhile: a resumed one does it again. */
  async #evaluate(): Promise<boolean> {
    const progress = this.#progress;
    const evaluation = await this.#stages.evaluator.run(this.#signal);
    if (!evaluation) return false;
    if (!Number.isFinite(evaluation.loss)) throw await this.#notFinite(`test after step ${progress.step}`, 'loss', evaluation.loss);
    this.#evaluation = evaluation;
    progress.seconds = nowSeconds() - this.#startSeconds;
    const row = countEvaluation(progress, evaluation);
    await this.#parts.options.onEvaluate?.(row, evaluation);
    return true;
  }

  async #endEpoch(): Promise<void> {
    endEpoch(this.#progress);
    await this.#parts.options.onEpoch?.(this.#progress.history.at(-1)!);
  }

  /** Takes the weights as they are now; they are written while training goes on. */
  async #save(names: readonly WeightsName[]): Promise<void> {
    this.#progress.seconds = nowSeconds() - this.#startSeconds;
    const all = await this.#parts.store.read();
    // Kernels answer some NaN with numbers that look like others: losses alone do not tell.
    const broken = findNonFinite(all);
    if (broken) throw await this.#notFinite(`step ${this.#progress.step}`, broken.name, broken.value);
    if (!this.#writer) return;
    const keys = this.module.parameters();
    const split = (own: boolean): StateDict => new Map([...all].filter(([name]) => keys.has(name) === own));
    const { learner, options } = this.#parts;
    const metadata = describeRun({ recipe: this.recipe, learner, options, engine: this.engineInfo, progress: this.progress });
    await this.#writer.begin(names, { metadata, model: split(true), optimizer: split(false) });
  }

  async #notFinite(where: string, what: string, value: number): Promise<NumericError> {
    // The message says which weights are on the disk.
    await this.#writer?.finish();
    return new NumericError({
      where,
      expected: `a finite ${what}`,
      got: `${value}`,
      hint: `${this.#writer?.keptText ?? ''}Use a lower learning rate (it was ${this.#progress.lr || this.recipe.lr}), or limit the gradients' norm`,
    });
  }
}

/**
 * Trains a network: the whole run, from planning to the last evaluation.
 *
 * - `model` the network, with `state` and `trains` as `initializeModel` returns them; `trainSet`, `testSet` the samples, `recipe` how
 * - `runFolder` where checkpoints go; `resume` goes on from one; `signal` ends the run early; `on…` are told how it goes
 *
 * Numerics: the same recipe, engine and thread count give the same weights bit for bit, also when stopped at any step and resumed.
 *
 * **Throws** `NumericError` naming the step if a loss, a weight or a sample is not finite; `UsageError` for a recipe out of range;
 * `ShapeError` if network and pictures do not fit; `CheckpointError` if a checkpoint cannot be written or does not fit.
 *
 * @example
 * const { progress } = await train({ model: new Cnn(), trainSet, testSet, recipe: { epochs: 3 } });
 * const { module: model, state, trains } = initializeModel('resnet18', 102, { weights, freeze: 'backbone' });
 * await train({ model, state, trains, trainSet, testSet });
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const trainer = await Trainer.open(options);
  try {
    return await trainer.run();
  } finally {
    await trainer.close();
  }
}
