import { UsageError } from '../core/errors.ts';
import type { StateDict } from '../core/ndarray.ts';
import type { Shape } from '../core/shape.ts';
import { readStateFile } from '../data/state-file.ts';
import { parseTransforms, presetTransforms, type TransformList } from '../data/transforms/index.ts';
import { createModel, findModel, imagenetClasses, initializeModel, listModels, type WeightsEntry } from '../models/index.ts';
import { initialState, type Module } from '../nn/module.ts';
import { checkWeights, findWeights, loadCheckpoint } from '../train/checkpoint.ts';
import { networkOf } from '../train/model-facts.ts';

export interface NamedNetwork {
  /** Of the model; of a run, followed by its file. */
  readonly name: string;
  readonly module: Module;
  /** `[C, H, W]`. */
  readonly inputShape: Shape;
  /** Empty where only their number is known. */
  readonly classNames: readonly string[];
  /** Of a run: names of the class folders, where `classNames` are shown in their place. */
  readonly classFolders?: readonly string[];
  /** How a picture in a file becomes the input: of a run on such as it was trained, of a model as ImageNet’s see them. */
  readonly preprocessing?: TransformList;
  /** Numbers for every parameter, made or read when asked for. */
  state(): Promise<StateDict>;
  /** What the state is, if it is not trained. */
  readonly note?: string;
}

export interface NetworkChoice {
  /** Model of the registry, run folder or checkpoint. */
  network: string;
  /** `C,H,W`. */
  input?: string;
  classes?: unknown;
  /** File with a model's trained numbers. */
  weights?: string;
}

/** `3,224,224` as numbers, each an integer from `min`. */
export function integersIn(text: string, option: string, counts: readonly number[], min: number, example: string): number[] {
  const numbers = text.split(/[,x×]/).map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (!counts.includes(numbers.length) || !numbers.every((n) => Number.isInteger(n) && n >= min))
    throw new UsageError({ where: option, expected: `integers from ${min}, such as ${example}`, got: `'${text}'` });
  return numbers;
}

const isModel = (name: string): boolean => listModels().some((spec) => spec.name === name);
/** A name with none of these can only be meant as a model. */
const isPath = (name: string): boolean => /[./\\]/.test(name);

/** As the trained weights want it, or as usual for pictures of this size; undefined for networks that take no square colour pictures. */
function preprocessingFor([channels, height, width]: Shape, trained: WeightsEntry | undefined): TransformList | undefined {
  if (channels !== 3 || height !== width) return undefined;
  if (trained?.preprocessing.crop !== height) return presetTransforms('none', { size: height }).valid;
  const { resize, crop, mean, std } = trained.preprocessing;
  const list = [
    { name: 'Resize', size: resize },
    { name: 'CenterCrop', size: crop },
    { name: 'ToTensor' },
    { name: 'Normalize', mean, std },
  ];
  return parseTransforms(list, trained.name);
}

/** A model by name, with fresh weights or those of a file; or the network of a run with its own. */
export async function namedNetwork({ network, input, classes, weights }: NetworkChoice): Promise<NamedNetwork> {
  const given = input === undefined ? undefined : integersIn(input, '--input', [3], 1, '3,224,224');
  if (!isModel(network)) {
    const file = await findWeights(network).catch((error: unknown) => {
      if (!isPath(network)) findModel(network);
      throw error;
    });
    for (const [option, value] of Object.entries({ '--classes': classes, '--weights': weights }))
      if (value !== undefined)
        throw new UsageError({ where: option, expected: 'a model’s name before it', got: `the run '${network}', which has its own` });
    const { metadata, model } = await loadCheckpoint(file);
    const inputShape = given ?? metadata.sampleShape;
    const module = networkOf(metadata);
    checkWeights(module, model, file);
    return {
      name: `${metadata.model} (${file})`,
      module,
      inputShape,
      classNames: metadata.names ?? metadata.classes,
      classFolders: metadata.classes,
      preprocessing: given ? undefined : metadata.preprocessing,
      state: async () => model,
    };
  }
  const spec = findModel(network);
  const inputShape = given ?? spec.inputShape;
  const count = classes ?? (spec.weights?.length ? 1000 : 10);
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 1)
    throw new UsageError({ where: '--classes', expected: 'an integer from 1', got: typeof count === 'string' ? `'${count}'` : `${count}` });
  const entry = weights === undefined ? undefined : spec.weights?.[0];
  const family = { inChannels: inputShape[0], transformInput: entry?.transformInput };
  const module = createModel(network, { classes: count, ...family });
  const trained = async (file: string) => {
    const { tensors } = await readStateFile(file);
    return initializeModel(network, count, { weights: tensors, weightsName: file, head: 'weights', ...family }).state;
  };
  return {
    name: network,
    module,
    inputShape,
    // Trained numbers for as many classes as ImageNet has are taken for those of its classes.
    classNames: entry && count === imagenetClasses.length ? imagenetClasses : [],
    preprocessing: preprocessingFor(inputShape, entry),
    state: async () => (weights === undefined ? initialState(module) : trained(weights)),
    note: weights === undefined ? 'weights are fresh (seed 0), not trained' : undefined,
  };
}
