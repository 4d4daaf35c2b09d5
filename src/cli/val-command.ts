import { columns } from '../core/columns.ts';
import { UsageError } from '../core/errors.ts';
import type { Dataset } from '../data/dataset.ts';
import { validationPurposes } from '../data/folder-report.ts';
import { openLabelledFolder } from '../data/labelled-folder.ts';
import { pictureDataset } from '../data/picture-dataset.ts';
import { countsOf, namedScores, outcomesOf } from '../report/outcomes.ts';
import { checkClasses } from '../train/check-weights.ts';
import { isNamedDataSet } from '../train/data-set-names.ts';
import { checkPicturesOf, dataOf, loadDataSet } from '../train/data-sets.ts';
import { evaluate } from '../train/evaluate.ts';
import { openRecognizer, type Recognizer } from '../train/recognizer.ts';
import { lossText, percent, tellsTop5 } from './format.ts';
import { engineOptionsIn } from './options.ts';
import { printLines } from './print.ts';
import { withBar } from './progress-bar.ts';

export interface ValCommandOptions {
  run: string;
  data?: string;
  dataDir?: string;
  engine?: unknown;
  threads?: unknown;
  json?: boolean;
}

const elsewhere = '--data <folder> evaluates on other pictures';

/** The samples to evaluate on, and what is worth saying about them. */
async function samplesFor(
  { metadata, classes, preprocessing, file }: Recognizer,
  { data, dataDir }: ValCommandOptions,
): Promise<{ dataset: Dataset; lines: readonly string[] }> {
  const { recipe } = metadata;
  if (dataDir !== undefined && (data !== undefined || !isNamedDataSet(recipe.data)))
    throw new UsageError({ where: '--data-dir', expected: 'a run on mnist', got: `the folder ${data ?? recipe.data}` });
  if (data === undefined) {
    await checkPicturesOf(recipe, 'validates', elsewhere);
    const { test, report } = await loadDataSet({ ...dataOf(metadata), ...(dataDir && { dataDir }), purposes: validationPurposes });
    checkClasses(classes, test.classes, recipe.data, elsewhere);
    return { dataset: test, lines: report?.lines ?? [] };
  }
  if (!preprocessing)
    throw new UsageError({ where: '--data', expected: 'a run on pictures in files', got: `${file}, of ${metadata.recipe.data}` });
  const { split, report } = await openLabelledFolder(data, { classes });
  return { dataset: pictureDataset({ name: data, split, classes, transforms: preprocessing }), lines: report.lines };
}

export async function valCommand(options: ValCommandOptions): Promise<number> {
  const recognizer = await openRecognizer(options.run);
  const { file, model, state, classes, names, metadata } = recognizer;
  const { dataset, lines } = await samplesFor(recognizer, options);
  const engine = engineOptionsIn(options);
  const evaluation = await withBar('looking at pictures', ({ onProgress }) => evaluate({ model, state, dataset, onProgress, ...engine }));
  const { loss, accuracy, top5Accuracy, skipped } = evaluation;
  const counts = countsOf(outcomesOf(evaluation, dataset), classes.length);
  const scores = namedScores(counts, names);
  const step = metadata.progress.step;
  const images = dataset.length - skipped.length;
  if (options.json) {
    const all = {
      weights: file,
      model: metadata.model,
      step,
      images,
      skipped: skipped.map((index) => dataset.pictures!.files[index]),
      notes: lines,
      accuracy,
      top5Accuracy,
      loss,
      classes: scores.map((score, c) => ({ class: classes[c], ...score })),
      confusionMatrix: counts,
    };
    console.log(JSON.stringify(all, null, 2));
    return 0;
  }
  printLines(lines);
  printLines([`${file}: ${metadata.model} after step ${step}`]);
  const top5 = dataset.pictures && tellsTop5(classes) ? `, top-5 ${percent(top5Accuracy)}` : '';
  console.log(
    `${dataset.pictures ? 'Accuracy' : 'Test accuracy'} ${percent(accuracy)} of ${images} images${top5}, loss ${lossText(loss)}\n`,
  );
  printLines(skipped.map((index) => `left out, as it cannot be read: ${dataset.pictures!.files[index]}`));
  const rows = scores.map(({ name, precision, recall, f1, support }) => [
    name,
    percent(precision),
    percent(recall),
    percent(f1),
    `${support}`,
  ]);
  printLines(columns([['class', 'precision', 'recall', 'F1', 'images'], ...rows]));
  return 0;
}
