import type { StateDict } from '../core/ndarray.ts';
import type { Dataset } from '../data/dataset.ts';
import type { DownloadProgress } from '../data/download.ts';
import type { Engine, EngineInfo } from '../engine/engine.ts';
import type { Module } from '../nn/module.ts';
import type { Checkpoint } from './checkpoint.ts';
import type { Evaluation } from './evaluation-sums.ts';
import type { HistoryRow, Progress } from './progress.ts';
import type { Recipe, RecipeInput } from './recipe.ts';

/** What a run tells while it goes on. The run waits for what `onStep`, `onEvaluate`, `onEpoch` and `onCheckpoint` return; an error in one ends it. */
export interface TrainEvents {
  /** Before anything else, while weights are downloaded. */
  onDownload?: (progress: DownloadProgress) => void;
  /** Before the first step, where a frozen part is asked once for every training picture: how many are done. */
  onPrepare?: (done: number, total: number) => void;
  /** After every step. `loss` is the batch's, before its update. */
  onStep?: (step: StepEvent) => unknown;
  /** After every evaluation, before its checkpoint. */
  onEvaluate?: (row: HistoryRow, evaluation: Evaluation) => unknown;
  /** After the last evaluation of an epoch. */
  onEpoch?: (row: HistoryRow) => unknown;
  /** Something worth knowing, in words. */
  onNote?: (text: string) => void;
  /** After the checkpoint, and the best one if it changed, are safely on the disk. */
  onCheckpoint?: (runFolder: string, progress: Progress) => unknown;
}

export interface StepEvent {
  /** From 1. */
  epoch: number;
  /** Steps done. */
  step: number;
  loss: number;
  /** Training images done in this epoch, and how many it has. */
  images: number;
  trainImages: number;
}

export interface TrainOptions extends TrainEvents {
  /** Default: the network that `recipe.model` names. */
  model?: Module;
  /** With `model`: its numbers before the first step, such as those of `initializeModel`. Default: fresh ones from the recipe's seed. */
  state?: StateDict;
  /** With `model`: which parameters train, by state-dict key. Default: all. A frozen part costs no gradient. */
  trains?: (key: string) => boolean;
  trainSet: Dataset;
  testSet: Dataset;
  /** Names to show for the classes; the checkpoint keeps them. */
  names?: readonly string[];
  /**
   * How to train; `completeRecipe` lists fields and defaults. Fields about data (`limit`, `valSplit`, `transforms`, …) say how the sets were
   * made, which `loadDataSet(recipe)` does: they change nothing in sets that are given.
   */
  recipe?: RecipeInput;
  /** An engine that is open already; it stays open. Default: one is opened as the recipe says. */
  engine?: Engine;
  /** Where `weights/best.safetensors` and `weights/last.safetensors` go. Default: nothing is written. */
  runFolder?: string;
  /** Goes on from this checkpoint: with the same recipe, data and engine the bits are those of a run that never stopped. */
  resume?: Checkpoint;
  /** Ends the run after the step under way; `last` is saved and the result says `interrupted`. A download of weights throws its reason. */
  signal?: AbortSignal;
}

export interface TrainResult {
  model: Module;
  /** The weights after the last step, or with `restoreBest` those of the best evaluation. */
  state: StateDict;
  classes: readonly string[];
  recipe: Recipe;
  progress: Progress;
  /** Of these weights; undefined if the run was interrupted. */
  evaluation?: Evaluation;
  interrupted: boolean;
  engineInfo: EngineInfo;
  /** Where the checkpoints are. */
  runFolder?: string;
}
