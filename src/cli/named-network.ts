import path from 'node:path';
import { UsageError } from '../core/errors.ts';
import type { Shape } from '../core/shape.ts';
import { pathKind } from '../data/path-kind.ts';
import { readStateFile } from '../data/state-file.ts';
import { parseTransforms, presetTransforms, type TransformList } from '../data/transforms/index.ts';
import {
  createModel,
  findModel,
  imagenetClasses,
  initializeModel,
  listModels,
  type ModelSpec,
  type WeightsEntry,
} from '../models/index.ts';
import { initialState } from '../nn/module.ts';
import { checkWeights } from '../train/check-weights.ts';
import { loadCheckpoint } from '../train/checkpoint.ts';
import { fetchImagenetWeights } from '../train/imagenet-weights.ts';
import { networkOf } from '../train/model-facts.ts';
import { findWeights } from '../train/weights-files.ts';
import { type NamedNetwork, type NetworkChoice, shapeIn } from './network-choice.ts';
import { withBar } from './progress-bar.ts';

export const isModel = (name: string): boolean => listModels().some((spec) => spec.name === name);
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

/** The network of a run with its own numbers. Beside a model's name, `model`, it is one of that. */
async function runNetwork({ network: run, input, classes, weights }: NetworkChoice, model?: string): Promise<NamedNetwork> {
  const file = await findWeights(run).catch((error: unknown) => {
    if (model === undefined && !isPath(run)) findModel(run);
    throw error;
  });
  const others = weights !== undefined && path.resolve(weights) !== path.resolve(run) ? weights : undefined;
  for (const [option, value] of Object.entries({ '--classes': classes, '--weights': others }))
    if (value !== undefined)
      throw new UsageError({ where: option, expected: 'a model’s name before it', got: `the run '${run}', which has its own` });
  const { metadata, model: numbers } = await loadCheckpoint(file);
  if (model !== undefined && model !== metadata.model)
    throw new UsageError({ where: '--weights', expected: `weights of ${model}`, got: `'${run}', a run of ${metadata.model}` });
  const module = networkOf(metadata);
  checkWeights(module, numbers, file);
  return {
    name: `${metadata.model} (${run})`,
    module,
    inputShape: shapeIn(input) ?? metadata.sampleShape,
    scores: metadata.classes.length,
    classNames: metadata.names ?? metadata.classes,
    classFolders: metadata.classes,
    preprocessing: input === undefined ? metadata.preprocessing : undefined,
    state: async () => numbers,
  };
}

/** The file of a model's weights. */
async function weightsFileOf(spec: ModelSpec, { weights, mustBeTrained }: NetworkChoice): Promise<string | undefined> {
  if (weights === undefined && mustBeTrained)
    throw new UsageError({
      where: '--weights',
      expected: `trained weights of ${spec.name}`,
      got: 'none',
      hint: spec.weights?.length ? '--weights imagenet, or a .pth or .safetensors file' : 'Name a .pth or .safetensors file',
    });
  if (weights !== 'imagenet') return weights;
  return withBar(`downloading the weights of ${spec.name}`, ({ onDownload: onProgress }) => fetchImagenetWeights(spec, { onProgress }));
}

/** A model by name, with fresh weights or trained ones; or the network of a run with its own. */
export async function namedNetwork(choice: NetworkChoice): Promise<NamedNetwork> {
  const { network, input, classes, weights } = choice;
  if (!isModel(network)) return runNetwork(choice);
  if (weights !== undefined && (await pathKind(weights)) === 'folder')
    return runNetwork({ ...choice, network: weights, weights: undefined }, network);
  const spec = findModel(network);
  const inputShape = shapeIn(input) ?? spec.inputShape;
  const count = classes ?? (spec.weights?.length ? imagenetClasses.length : 10);
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 1)
    throw new UsageError({ where: '--classes', expected: 'an integer from 1', got: typeof count === 'string' ? `'${count}'` : `${count}` });
  const file = await weightsFileOf(spec, choice);
  const entry = file === undefined ? undefined : spec.weights?.[0];
  const family = { inChannels: inputShape[0], transformInput: entry?.transformInput };
  const module = createModel(network, { classes: count, ...family });
  const trained = async (weightsName: string) => {
    const { tensors } = await readStateFile(weightsName);
    return initializeModel(network, count, { weights: tensors, weightsName, head: 'weights', ...family }).state;
  };
  return {
    name: network,
    module,
    inputShape,
    scores: count,
    // Trained numbers for as many classes as ImageNet has are taken for those of its classes.
    classNames: entry && count === imagenetClasses.length ? imagenetClasses : [],
    preprocessing: preprocessingFor(inputShape, entry),
    state: async () => (file === undefined ? initialState(module) : trained(file)),
    note: file === undefined ? 'weights are fresh (seed 0), not trained' : undefined,
  };
}
