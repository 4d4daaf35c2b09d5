import path from 'node:path';
import { DataError, UsageError } from '../core/errors.ts';
import { didYouMean } from '../core/nearest.ts';
import type { ClassNames } from '../data/class-names.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Purposes } from '../data/folder-report.ts';
import { type FolderReport, openImageFolder } from '../data/image-folder.ts';
import { loadMnist } from '../data/mnist.ts';
import { pathKind } from '../data/path-kind.ts';
import { pictureDataset } from '../data/picture-dataset.ts';
import { subsetOf } from '../data/subset.ts';
import { presetTransforms } from '../data/transforms/index.ts';
import { findModel } from '../models/index.ts';
import { imagenetWeights } from '../models/weights.ts';
import type { CheckpointMetadata } from './checkpoint.ts';
import { dataSetNames, isNamedDataSet } from './data-set-names.ts';
import type { Recipe } from './recipe.ts';

export interface Splits {
  train: Dataset;
  test: Dataset;
  /** Names to show for the classes, where they differ from the class folders'. */
  names?: readonly string[];
  /** What was found in a folder of pictures. */
  report?: FolderReport;
}

/** What a recipe says about data. */
export type DataChoice = { data: string; names?: string | ClassNames; purposes?: Purposes } & Partial<
  Pick<Recipe, 'dataDir' | 'limit' | 'valSplit' | 'strict' | 'transforms' | 'fit' | 'imageSize' | 'model' | 'seed'>
>;

const loaders: Readonly<Record<string, (dir?: string) => Promise<Splits>>> = {
  mnist: (dir) => loadMnist({ dir }),
};

/** `n` samples: the first, or of pictures, which lie class by class, every so many; all if there are no more. */
export function someSamples(dataset: Dataset, n: number): Dataset {
  if (n >= dataset.length) return dataset;
  const { name, length, pictures } = dataset;
  const kept = Uint32Array.from({ length: n }, (_, i) => (pictures ? Math.floor((i * length) / n) : i));
  return subsetOf(dataset, kept, `${name} (${n})`);
}

/** What the network of a recipe takes pictures for, unless the recipe says otherwise. */
function inputOf({ model = 'squeezenet1_0', imageSize, fit }: DataChoice) {
  const [preprocessing] = imagenetWeights(model).map((entry) => entry.preprocessing);
  return { size: imageSize ?? findModel(model).inputShape[1], fit, mean: preprocessing?.mean, std: preprocessing?.std };
}

async function openFolder(choice: DataChoice): Promise<Splits> {
  const { data, valSplit, names, strict, purposes, transforms, seed } = choice;
  const { size, fit, mean, std } = inputOf(choice);
  const preset = presetTransforms(transforms, { size, ...(fit && { fit }), ...(mean && std && { mean, std }) });
  const folder = await openImageFolder(data, { valSplit, names, strict, purposes });
  const { splits, classes, report } = folder;
  const base = path.basename(path.resolve(data));
  return {
    train: pictureDataset({ name: `${base} train`, split: splits.train, classes, transforms: preset.train, seed }),
    test: pictureDataset({ name: `${base} val`, split: splits.val, classes, transforms: preset.valid }),
    names: folder.names,
    report,
  };
}

/** Refuses a name that is neither a data set nor something on the disk. */
async function checkFolder(data: string): Promise<void> {
  if (await pathKind(data)) return;
  throw new UsageError({
    where: 'data set',
    expected: `one of ${dataSetNames.join(', ')}, or a folder of pictures`,
    got: `'${data}'${/[\\/]/.test(data) ? ', which is not there' : ''}`,
    hint: didYouMean(data, dataSetNames),
  });
}

/** What the recipe of a trained run says about data, with the names that its checkpoint has: their file need not be there. */
export function dataOf({ recipe, classes, names }: Pick<CheckpointMetadata, 'recipe' | 'classes' | 'names'>): DataChoice {
  const shown = recipe.names && names && Object.fromEntries(classes.map((name, c) => [name, names[c]]));
  return { ...recipe, names: shown };
}

/** Refuses pictures of a run that are gone since: `purpose` what it does with them, `hint` what to do if they moved. */
export async function checkPicturesOf({ data }: DataChoice, purpose: string, hint: string): Promise<void> {
  if (isNamedDataSet(data) || (await pathKind(data))) return;
  throw new DataError({ where: data, expected: `the pictures that the run ${purpose} with`, got: 'nothing of that name', hint });
}

/**
 * The training and validation samples a recipe names: a data set known by name, or a folder of pictures with the recipe's transforms.
 *
 * **Throws** `UsageError` with the nearest name if there is no such data set; what its loader throws if files are broken.
 */
export async function loadDataSet(choice: DataChoice): Promise<Splits> {
  const { data, dataDir, limit } = choice;
  if (!isNamedDataSet(data)) await checkFolder(data);
  const splits = await (isNamedDataSet(data) ? loaders[data](dataDir) : openFolder(choice));
  return limit === undefined ? splits : { ...splits, train: someSamples(splits.train, limit), test: someSamples(splits.test, limit) };
}
