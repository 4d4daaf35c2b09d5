import { ShapeError, UsageError } from '../core/errors.ts';
import { createModel, findModel } from '../models/index.ts';
import { type Module, trace } from '../nn/module.ts';
import { isNamedDataSet } from './data-set-names.ts';
import type { Recipe, RecipeField } from './recipe.ts';

/** Fields that do something only in company of others. */
interface Condition {
  readonly fields: readonly RecipeField[];
  /** Whether the fields contradict the others, whoever says so; the rest would only do nothing. */
  readonly contradicts?: boolean;
  readonly holds: (recipe: Recipe) => boolean;
  /** What they need. */
  readonly needs: (label: (field: RecipeField) => string, recipe: Recipe) => string;
  readonly got: (recipe: Recipe) => string;
  readonly hint?: (label: (field: RecipeField) => string) => string;
}

const isFolder = ({ data }: Recipe) => !isNamedDataSet(data);
const isAdaptive = ({ optimizer }: Recipe) => optimizer !== 'sgd';
const trainsBackbone = ({ freeze, unfreezeEpoch }: Recipe) => freeze !== 'backbone' || unfreezeEpoch !== undefined;

/** The network of a recipe, for questions that no weights and no classes change. */
const networkOf = ({ model }: Recipe): Module => createModel(model, { classes: 2 });

function takesSize(recipe: Recipe): boolean {
  const { model, imageSize = 0 } = recipe;
  try {
    // Two pictures: batch norm refuses a single number.
    trace(networkOf(recipe), [2, findModel(model).inputShape[0], imageSize, imageSize], { training: true });
    return true;
  } catch (error) {
    if (error instanceof ShapeError) return false;
    throw error;
  }
}

const hasBatchNorm = (recipe: Recipe): boolean => [...networkOf(recipe).parameters().values()].some(({ trains }) => !trains);

const conditions: readonly Condition[] = [
  {
    fields: ['valSplit', 'names', 'strict', 'transforms', 'fit', 'imageSize', 'workers'],
    holds: isFolder,
    needs: () => 'a folder of pictures',
    got: ({ data }) => data,
  },
  { fields: ['dataDir'], holds: (recipe) => !isFolder(recipe), needs: () => 'mnist', got: ({ data }) => `the folder ${data}` },
  { fields: ['beta1', 'beta2', 'eps'], holds: isAdaptive, needs: (label) => `${label('optimizer')} adam or adamw`, got: () => 'sgd' },
  {
    fields: ['stepSizeEpochs', 'gamma'],
    holds: ({ schedule }) => schedule === 'step',
    needs: (label) => `${label('schedule')} step`,
    got: ({ schedule }) => schedule,
  },
  {
    fields: ['minLr'],
    holds: ({ schedule }) => schedule === 'cosine',
    needs: (label) => `${label('schedule')} cosine`,
    got: ({ schedule }) => schedule,
  },
  {
    fields: ['minLr'],
    holds: ({ lr, minLr }) => minLr <= lr,
    needs: (label, { lr }) => `at most ${lr}, the ${label('lr')}`,
    got: ({ minLr }) => `${minLr}`,
  },
  {
    fields: ['backboneLr'],
    holds: trainsBackbone,
    needs: (label) => `a backbone that trains: ${label('freeze')} none or a number, or ${label('unfreezeEpoch')}`,
    got: () => 'a frozen one',
  },
  {
    fields: ['frozenBn'],
    holds: ({ freeze }) => freeze !== 'none',
    needs: (label) => `something frozen (${label('freeze')})`,
    got: () => 'nothing frozen',
  },
  {
    fields: ['frozenBn'],
    holds: hasBatchNorm,
    needs: () => 'a network with batch norm',
    got: ({ model }) => model,
  },
  {
    fields: ['imageSize'],
    holds: takesSize,
    needs: (_, { model }) => `a side that ${model} can take, such as ${findModel(model).inputShape[1]}`,
    got: ({ imageSize }) => `${imageSize}`,
  },
  {
    fields: ['nesterov'],
    contradicts: true,
    holds: ({ optimizer, momentum }) => optimizer === 'sgd' && momentum > 0,
    needs: (label) => `${label('optimizer')} sgd with a ${label('momentum')}`,
    got: ({ optimizer, momentum }) => `${optimizer}, momentum ${momentum}`,
  },
  {
    fields: ['momentum'],
    contradicts: true,
    holds: (recipe) => !isAdaptive(recipe),
    needs: (label) => `${label('optimizer')} sgd`,
    got: ({ optimizer }) => optimizer,
    hint: (label) => `Adam's decays are ${label('beta1')} and ${label('beta2')}`,
  },
  {
    fields: ['unfreezeEpoch'],
    contradicts: true,
    holds: ({ freeze }) => freeze !== 'none',
    needs: (label) => `something frozen before (${label('freeze')})`,
    got: () => 'nothing frozen',
  },
  {
    fields: ['unfreezeEpoch'],
    holds: ({ unfreezeEpoch = 0, epochs }) => unfreezeEpoch <= epochs,
    needs: (label, { epochs }) => `an epoch up to ${epochs} (${label('epochs')})`,
    got: ({ unfreezeEpoch }) => `${unfreezeEpoch}`,
  },
];

type Label = (field: string) => string;

function check(recipe: Recipe, field: RecipeField, label: Label, isMeant: (condition: Condition) => boolean): void {
  for (const condition of conditions)
    if (condition.fields.includes(field) && isMeant(condition) && !condition.holds(recipe))
      throw new UsageError({
        where: label(field),
        expected: condition.needs(label, recipe),
        got: condition.got(recipe),
        hint: condition.hint?.(label),
      });
}

const isSet = (value: unknown): boolean => value !== undefined && value !== false && value !== 0;

/**
 * Refuses fields that contradict others, whether given or filled in.
 *
 * **Throws** `UsageError` naming the field and what it needs.
 */
export function refuseContradictions(recipe: Recipe, label: Label): void {
  for (const field of conditions.filter(({ contradicts }) => contradicts).flatMap(({ fields }) => fields))
    if (isSet(recipe[field])) check(recipe, field, label, ({ contradicts }) => contradicts === true);
}

/**
 * Refuses fields that a user asked for and that would do nothing, or could not be done, in the recipe they are part of.
 *
 * - `asked` the fields that were given, not filled in
 * - `label` what messages call a field
 *
 * **Throws** `UsageError` naming the field and what it needs.
 *
 * @example refuseIdle(completeRecipe({ gamma: 0.5 }), ['gamma']); // [gamma] expected schedule step, got constant
 */
export function refuseIdle(recipe: Recipe, asked: readonly RecipeField[], label: Label = (field) => field): void {
  for (const field of asked) check(recipe, field, label, ({ contradicts }) => !contradicts);
}
