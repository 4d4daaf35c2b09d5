import { CheckpointError } from '../core/errors.ts';
import { findNonFinite, type NdArray, type StateDict } from '../core/ndarray.ts';
import { Rng } from '../core/rng.ts';
import { sizeOf } from '../core/shape.ts';
import { fanIn, torchDefault } from '../nn/init.ts';
import { initialState, type Module, type Parameter } from '../nn/module.ts';
import { asF32, currentNames, isMisfit, misfitOf, refuseWeights } from './fit-weights.ts';
import { type Freeze, trainsUnder } from './freeze.ts';
import { createModel, findModel, isBelow, listModels, type ModelOptions, type ModelSpec } from './registry.ts';

export interface InitializeOptions extends Omit<ModelOptions, 'classes'> {
  /** What does not train; default `'none'`. */
  readonly freeze?: Freeze;
  /** Trained numbers to begin with; default none: everything is fresh. */
  readonly weights?: StateDict;
  /** What messages call the weights: their file. */
  readonly weightsName?: string;
  /** Where the head's numbers come from: `'fresh'` (default) for a new task, `'weights'` to go on with the task of the weights. */
  readonly head?: 'fresh' | 'weights';
  /** Seed of all fresh numbers; default 0. */
  readonly seed?: number;
}

export interface InitializedModel {
  readonly spec: ModelSpec;
  readonly module: Module;
  /** A value for every parameter and buffer. */
  readonly state: StateDict;
  /** Whether the parameter of a state-dict key trains. */
  readonly trains: (path: string) => boolean;
  /** State-dict keys whose numbers are fresh, in order. */
  readonly newKeys: readonly string[];
}

/**
 * A network for a new task: made by name, filled with trained weights, given a fresh head of the right number of classes, partly frozen.
 *
 * - `name` a model's; `classes` 1 or more
 * - `freeze` default `'none'`; `'backbone'` trains the head only; a number of stages or a stage's name as in `trainsUnder`
 * - `weights` default none; `head` `'fresh'` (default) or `'weights'`; `seed` default 0
 * - `inChannels`, `dropout`, `transformInput` as in `createModel`
 *
 * Without weights everything begins as the family's authors have it. With weights a fresh head begins as PyTorch's plain layers do, which
 * is what replacing `model.fc` does there. Arrays of the weights are taken as they are, not copied; double precision is rounded to single.
 * Batch counters (`num_batches_tracked`) and the optimizer's numbers in a checkpoint are ignored, the prefix `module.` is taken off where
 * all keys have it, DenseNet's old names are changed to today's.
 *
 * **Throws** `CheckpointError` if the weights do not fit, with missing, unexpected and wrongly shaped keys, and the model they fit if there
 * is one; only a fresh head may have another number of classes; or if one of those taken is not finite in single precision. `UsageError` as `createModel` and `trainsUnder`.
 *
 * **Source**: the function of the same purpose in PyTorch's tutorial on fine-tuning torchvision models.
 *
 * @example const { module, state, trains } = initializeModel('resnet18', 102, { weights, freeze: 'backbone' });
 */
export function initializeModel(name: string, classes: number, options: InitializeOptions = {}): InitializedModel {
  const { freeze = 'none', weights, weightsName = 'weights', head = 'fresh', seed = 0, ...family } = options;
  const spec = findModel(name);
  const trains = trainsUnder(spec, freeze);
  const module = createModel(name, { classes, ...family });
  const parameters = module.parameters();
  if (!weights) return { spec, module, state: initialState(module, seed), trains, newKeys: [...parameters.keys()] };

  const replaced = head === 'fresh' ? spec.head : [];
  const named = currentNames(weights, spec.renames);
  const misfit = misfitOf(named, parameters, replaced);
  if (isMisfit(misfit)) refuseWeights(weightsName, name, misfit, adviceFor(weights, spec, classes, family));
  const newKeys = [...parameters.keys()].filter((key) => isBelow(key, replaced));
  const state: StateDict = new Map();
  for (const key of parameters.keys()) state.set(key, newKeys.includes(key) ? plainStart(key, parameters, seed) : asF32(named.get(key)!));
  refuseNonFinite(state, weightsName);
  return { spec, module, state, trains, newKeys };
}

/** Such weights would go on to give numbers, some of which look sound. */
function refuseNonFinite(state: StateDict, where: string): void {
  const broken = findNonFinite(state);
  if (broken)
    throw new CheckpointError({
      where,
      expected: 'weights that are finite in single precision',
      got: `${broken.value} in ${broken.name}`,
      hint: 'The training that made them diverged, or the file is damaged: take weights of before, or another copy',
    });
}

/** A value of a plain PyTorch layer, from the stream that `initialState` gives this key. */
function plainStart(key: string, parameters: ReadonlyMap<string, Parameter>, seed: number): NdArray {
  const { shape } = parameters.get(key)!;
  const data = new Float32Array(sizeOf(shape));
  const { shape: weightShape } = parameters.get(key.replace(/bias$/, 'weight'))!;
  torchDefault(fanIn(weightShape))(data, shape, new Rng(seed, 'init', key));
  return { dtype: 'f32', shape, data };
}

/** The likeliest reason why weights do not fit: another model's, or another number of classes. */
function adviceFor(weights: StateDict, spec: ModelSpec, classes: number, family: Omit<ModelOptions, 'classes'>): string | undefined {
  const { inChannels } = family;
  const owner = listModels().find(({ name, head, renames }) => {
    const parameters = createModel(name, { classes, inChannels }).parameters();
    return !isMisfit(misfitOf(currentNames(weights, renames), parameters, head));
  });
  if (!owner) return undefined;
  if (owner.name !== spec.name) return `They fit '${owner.name}'`;
  const theirs = currentNames(weights, spec.renames).get(`${spec.head.at(-1)}.bias`)?.shape[0];
  const rest = `a fresh head for ${classes} needs only the rest of them`;
  return theirs === undefined ? `They have no head: ${rest}` : `Only the number of classes differs: take ${theirs} classes; ${rest}`;
}
