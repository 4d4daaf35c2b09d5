import { UsageError } from '../core/errors.ts';
import { isNamedDataSet } from './data-set-names.ts';
import type { Recipe, RecipeField } from './recipe.ts';

/** Fields that do something only in company of others. */
interface Condition {
  readonly fields: readonly RecipeField[];
  readonly holds: (recipe: Recipe) => boolean;
  /** What they need. */
  readonly needs: (label: (field: RecipeField) => string, recipe: Recipe) => string;
  readonly got: (recipe: Recipe) => string;
}

const isFolder = ({ data }: Recipe) => !isNamedDataSet(data);
const isAdaptive = ({ optimizer }: Recipe) => optimizer !== 'sgd';
const trainsBackbone = ({ freeze, unfreezeEpoch }: Recipe) => freeze !== 'backbone' || unfreezeEpoch !== undefined;

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
    fields: ['unfreezeEpoch'],
    holds: ({ unfreezeEpoch = 0, epochs }) => unfreezeEpoch <= epochs,
    needs: (label, { epochs }) => `an epoch up to ${epochs} (${label('epochs')})`,
    got: ({ unfreezeEpoch }) => `${unfreezeEpoch}`,
  },
];

/**
 * Refuses fields that a user asked for and that would do nothing in the recipe they are part of.
 *
 * - `asked` the fields that were given, not filled in
 * - `label` what messages call a field
 *
 * **Throws** `UsageError` naming the field and what it needs.
 *
 * @example refuseIdle(completeRecipe({ gamma: 0.5 }), ['gamma']); // [gamma] expected schedule step, got constant
 */
export function refuseIdle(recipe: Recipe, asked: readonly RecipeField[], label = (field: string) => field): void {
  for (const field of asked)
    for (const { fields, holds, needs, got } of conditions)
      if (fields.includes(field) && !holds(recipe))
        throw new UsageError({ where: label(field), expected: needs(label, recipe), got: got(recipe) });
}
