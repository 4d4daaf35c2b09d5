import type { Dataset } from '../data/dataset.ts';
import type { DownloadProgress } from '../data/download.ts';
import { type Loader, openLoader } from '../data/loader/index.ts';
import type { Engine } from '../engine/engine.ts';
import { withStore } from '../engine/once.ts';
import { openEngine } from '../engine/threaded/index.ts';
import { prepareLearner } from './learner.ts';
import { phasesOf } from './phases.ts';
import { firstOptimizerState } from './plan-steps.ts';
import type { Recipe } from './recipe.ts';
import { StepRunner } from './step-runner.ts';

/** A learning rate that was tried. */
export interface LrTrial {
  readonly lr: number;
  /** Loss of the batch before the step at this rate. */
  readonly loss: number;
  /** Mean of the losses so far, the later the heavier. */
  readonly smoothed: number;
}

export interface LrFinding {
  readonly trials: readonly LrTrial[];
  /** Rate to train with; undefined if the loss never falls. */
  readonly suggestion: number | undefined;
}

export const usualTrials = 100;
const smoothing = 0.9;
/** A loss this many times the lowest so far ends the search. */
const tooHigh = 4;

/** Rates from `lowest` to `highest`, evenly spaced by their logarithms. */
export const ratesBetween = (lowest: number, highest: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => lowest * (highest / lowest) ** (i / Math.max(1, count - 1)));

/** The first means rest on too few losses. */
const firstTrials = 5;

/**
 * The rate at which the smoothed loss has fallen half of its way: the middle of the slope, where it falls fast. Undefined if it never falls.
 *
 * Where the loss is lowest says less: means lag behind, and a small new head learns a few pictures by heart at any rate.
 */
export function suggestRate(trials: readonly LrTrial[]): number | undefined {
  const later = trials.slice(firstTrials);
  const lowest = later.reduce((least, { smoothed }) => Math.min(least, smoothed), Infinity);
  if (later.length === 0 || lowest >= later[0].smoothed) return undefined;
  const half = (later[0].smoothed + lowest) / 2;
  return later.find(({ smoothed }) => smoothed <= half)!.lr;
}

export interface LrFindOptions {
  recipe: Recipe;
  trainSet: Dataset;
  /** How many rates are tried; default `usualTrials`, 100. */
  count?: number;
  /** Default 1e-6 and 1. */
  lowest?: number;
  highest?: number;
  engine?: Engine;
  /** While weights are downloaded. */
  onDownload?: (progress: DownloadProgress) => void;
  /** After every step: the trials so far. */
  onTrial?: (trials: readonly LrTrial[]) => void;
  /** Ends the search; a download of weights throws its reason. */
  signal?: AbortSignal;
}

/**
 * Tries learning rates: one step at each, from low to high, on weights that are thrown away.
 *
 * **Source**: the range test of Smith, "Cyclical learning rates for training neural networks", 2017, section 3.3.
 *
 * The rate of the backbone, where it has its own, keeps its ratio to that of the head.
 *
 * @example const { suggestion } = await findRate({ recipe: completeRecipe({ data: 'flowers' }), trainSet });
 */
export async function findRate(options: LrFindOptions): Promise<LrFinding> {
  const { trainSet, count = usualTrials, lowest = 1e-6, highest = 1, signal } = options;
  const recipe: Recipe = { ...options.recipe, schedule: 'constant', warmupSteps: 0 };
  const sizes = { classes: trainSet.classes.length, inChannels: trainSet.sampleShape[0], resuming: false };
  const learner = await prepareLearner(recipe, sizes, { signal, onProgress: options.onDownload });
  const engine = options.engine ?? (await openEngine(recipe));
  const loader: Loader | undefined = trainSet.pictures && openLoader({ workers: recipe.workers, strict: recipe.strict });
  try {
    const phases = phasesOf(recipe, learner);
    const context = { recipe, module: learner.module, trainSet };
    const state = new Map([...learner.initial!, ...firstOptimizerState(context, phases)]);
    return await withStore(engine, state, async (store) => {
      const runner = await StepRunner.open({ ...context, engine, store, loader }, phases[0]);
      return tryRates(runner, ratesBetween(lowest, highest, count), options, signal).finally(() => runner.close());
    });
  } finally {
    await loader?.close();
    if (!options.engine) await engine.close();
  }
}

async function tryRates(
  runner: StepRunner,
  rates: readonly number[],
  { recipe, trainSet, onTrial }: LrFindOptions,
  signal: AbortSignal | undefined,
): Promise<LrFinding> {
  // Where the features of a frozen part are computed first, that takes longest.
  if (!(await runner.prepare(signal))) return { trials: [], suggestion: undefined };
  const stepsPerEpoch = Math.ceil(trainSet.length / recipe.batchSize);
  const trials: LrTrial[] = [];
  let mean = 0;
  for (const [step, lr] of rates.entries()) {
    if (signal?.aborted) break;
    const place = { epoch: Math.floor(step / stepsPerEpoch), batch: step % stepsPerEpoch, step };
    const { answer } = await runner.start(place, lr / recipe.lr);
    const loss = Number((await answer).loss.data[0]);
    if (!Number.isFinite(loss)) break;
    mean = smoothing * mean + (1 - smoothing) * loss;
    const smoothed = mean / (1 - smoothing ** (step + 1));
    trials.push({ lr, loss, smoothed });
    onTrial?.(trials);
    if (smoothed > tooHigh * Math.min(...trials.map((trial) => trial.smoothed))) break;
  }
  return { trials, suggestion: suggestRate(trials) };
}
