import type { StateDict } from '../core/ndarray.ts';
import type { DownloadOptions } from '../data/download.ts';
import { readStateFile } from '../data/state-file.ts';
import { createModel, findModel, initializeModel, type ModelSpec, trainsUnder } from '../models/index.ts';
import { isBelow, modelSource } from '../models/registry.ts';
import { initialState, type Module } from '../nn/module.ts';
import { checkWeights } from './check-weights.ts';
import { putHiddenLayer } from './hidden-layer.ts';
import { fetchImagenetWeights } from './imagenet-weights.ts';
import type { KeptModelOptions } from './model-facts.ts';
import type { Recipe } from './recipe.ts';

/** A network that is to be trained: where it begins and which of its numbers change. */
export interface Learner {
  readonly module: Module;
  /** What a checkpoint keeps to make it again. */
  readonly options?: KeptModelOptions;
  /** Values before the first step; undefined for a run that goes on. */
  readonly initial: StateDict | undefined;
  /** Whether a parameter trains from the first epoch on. */
  readonly trains: (path: string) => boolean;
  /** Whether a parameter belongs to the layers that are new for the task. */
  readonly isHead: (path: string) => boolean;
}

const everything = () => true;

/** The numbers of trained weights and what messages call them. */
async function readWeights(
  weights: string,
  spec: ModelSpec,
  download?: DownloadOptions,
): Promise<{ weights: StateDict; weightsName: string }> {
  const file = weights === 'imagenet' ? await fetchImagenetWeights(spec, download) : weights;
  return { weights: (await readStateFile(file)).tensors, weightsName: file };
}

const freezeOf = ({ freeze }: Recipe) => (/^\d+$/.test(freeze) ? Number(freeze) : freeze);

/** A network that a program made: unless it says otherwise, all of it is new and trains. */
export function ownLearner(
  module: Module,
  { seed, resuming, state, trains = everything }: { seed: number; resuming: boolean; state?: StateDict; trains?: (key: string) => boolean },
): Learner {
  if (state) checkWeights(module, state, 'state');
  return {
    module,
    options: modelSource(module)?.options,
    initial: resuming ? undefined : (state ?? initialState(module, seed)),
    trains,
    isHead: everything,
  };
}

/**
 * The network of a recipe, with its weights read or downloaded, a head for the classes and what is frozen.
 *
 * - `resuming` whether the numbers come from a checkpoint
 * - `download` is told how far a download is, and may stop it
 *
 * **Throws** what `initializeModel`, `readStateFile` and `fetchWeights` throw; `UsageError` for a hidden layer the network has no place for.
 */
export async function prepareLearner(
  recipe: Recipe,
  { classes, inChannels, resuming }: { classes: number; inChannels: number; resuming: boolean },
  download?: DownloadOptions,
): Promise<Learner> {
  const spec = findModel(recipe.model);
  const { weights, seed, hiddenUnits } = recipe;
  const freeze = freezeOf(recipe);
  const transformInput = weights !== 'none' && spec.weights?.[0]?.transformInput ? true : undefined;
  const options = { transformInput, hiddenUnits };
  const isHead = (path: string) => isBelow(path, spec.head);
  const withHidden = (module: Module) => (hiddenUnits ? putHiddenLayer(module, spec, classes, hiddenUnits) : module);
  if (resuming) {
    const module = withHidden(createModel(recipe.model, { classes, inChannels, transformInput }));
    return { module, options, initial: undefined, trains: trainsUnder(spec, freeze), isHead };
  }
  const source = weights === 'none' ? {} : await readWeights(weights, spec, download);
  const { module, state, trains } = initializeModel(recipe.model, classes, { freeze, seed, inChannels, transformInput, ...source });
  withHidden(module);
  const kept = [...state].filter(([key]) => !isHead(key));
  const initial = hiddenUnits ? new Map([...initialState(module, seed), ...kept]) : state;
  return { module, options, initial, trains, isHead };
}
