import path from 'node:path';
import { columns } from '../core/columns.ts';
import type { Dataset } from '../data/dataset.ts';
import { writeAtomic } from '../data/write-atomic.ts';
import { confusionMatrixSvg } from '../report/confusion-matrix.ts';
import { predictionsCsv, type ResultRow, resultsCsv } from '../report/csv.ts';
import { curvesSvg } from '../report/curves.ts';
import { titled } from '../report/fonts.ts';
import { mosaicSvg } from '../report/mosaic.ts';
import { countsOf, type Outcome, outcomesOf, worstMistakes } from '../report/outcomes.ts';
import { renderPng } from '../report/render.ts';
import { runFiles } from '../report/run-folder.ts';
import { readTiles } from '../report/tiles.ts';
import type { HistoryRow } from '../train/progress.ts';
import type { Recipe } from '../train/recipe.ts';
import type { TrainResult } from '../train/train-options.ts';
import { tellsTop5 } from './format.ts';

/** As many as a picture shows at a glance; `predictions.csv` has them all. */
const mostTiles = 60;

const resultRows = (history: readonly HistoryRow[], trainImages: number): ResultRow[] =>
  history.map(({ epoch, images, imagesPerSecond, loss, ...row }) => ({
    ...row,
    epoch: epoch - 1 + images / trainImages,
    imagesPerS: imagesPerSecond,
    trainLoss: loss,
  }));

/** A file of a run folder and what it shows. */
export interface ReportFile {
  readonly name: string;
  readonly shows: string;
}

/** Writes files of a run folder; those given with what they show are added to `files`. */
export const writerIn =
  (runFolder: string, files: ReportFile[] = []) =>
  async (name: string, content: Uint8Array | string, shows?: string): Promise<void> => {
    await writeAtomic(path.join(runFolder, name), content);
    if (shows !== undefined) files.push({ name, shows });
  };

/** Tells which files a run left. */
export const fileList = (runFolder: string, files: readonly ReportFile[]): string[] => [
  `In ${runFolder}:`,
  ...columns(
    files.map(({ name, shows }) => [`  ${name}`, shows]),
    { textColumns: 2 },
  ),
];

export const writeArgs = (runFolder: string, recipe: Recipe): Promise<void> =>
  writerIn(runFolder)(runFiles.args, `${JSON.stringify(recipe, null, 2)}\n`);

export async function writeResults(runFolder: string, history: readonly HistoryRow[], trainSet: Dataset): Promise<void> {
  const rows = resultRows(history, trainSet.length);
  const told =
    trainSet.pictures && tellsTop5(trainSet.classes)
      ? rows
      : rows.map((row) => ({ ...row, trainTop5Accuracy: undefined, testTop5Accuracy: undefined }));
  await writerIn(runFolder)(runFiles.results, resultsCsv(told));
}

const recipeWords = {
  data: ({ model, data }: Recipe) => `${model} on ${path.basename(data)}`,
  optimizer: ({ optimizer }: Recipe) => optimizer,
  lr: ({ lr }: Recipe) => `learning rate ${lr}`,
  batchSize: ({ batchSize }: Recipe) => `${batchSize} images a step`,
};

/** What was trained on what, in a line; `fields` is what to tell of it. */
export const toldOf = (recipe: Recipe, fields: readonly (keyof typeof recipeWords)[] = ['data', 'optimizer', 'lr', 'batchSize']): string =>
  fields.map((field) => recipeWords[field](recipe)).join(', ');

export async function writeCurves(
  runFolder: string,
  { progress, recipe }: TrainResult,
  trainImages: number,
  how: { over?: 'epoch'; testName?: string } = {},
): Promise<void> {
  const write = writerIn(runFolder);
  const curves = curvesSvg(resultRows(progress.history, trainImages), { title: path.basename(runFolder), note: toldOf(recipe), ...how });
  await write(runFiles.curvesSvg, curves);
  await write(runFiles.curvesPng, await renderPng(curves));
}

async function writeMistakes(runFolder: string, outcomes: readonly Outcome[], testSet: Dataset): Promise<void> {
  const { classes } = testSet;
  const wrong = worstMistakes(outcomes);
  const shown = wrong.slice(0, mostTiles);
  const note = wrong.length ? `${shown.length} of ${wrong.length}, the surest first: truth, guess (its probability)` : '';
  const tiles = await readTiles(testSet, shown, ({ truth, guess, probability }) => ({
    caption: `${classes[truth]}, guess ${classes[guess]} (${Math.round(100 * probability)}%)`,
    colour: 'bad',
  }));
  const title = titled(path.basename(runFolder), 'misclassified test images');
  const mosaic = await mosaicSvg(tiles, { title, note, whenNone: 'No wrong guess.' });
  await writerIn(runFolder)(runFiles.misclassified, await renderPng(mosaic));
}

/** What every run of training leaves. */
export const commonFiles: readonly ReportFile[] = [
  { name: runFiles.args, shows: 'what the run was told' },
  { name: runFiles.results, shows: 'loss and accuracy on the way' },
  { name: runFiles.curvesPng, shows: 'the same as a picture' },
  { name: runFiles.curvesSvg, shows: 'that picture at any size' },
  { name: 'weights/best.safetensors', shows: 'the network at its best' },
  { name: 'weights/last.safetensors', shows: 'the network at the end' },
];

/** Writes the pictures and tables of a finished run on digits, drawn side by side; returns what the run left. */
export async function writeReport(
  runFolder: string,
  result: TrainResult,
  testSet: Dataset,
  trainImages: number,
): Promise<readonly ReportFile[]> {
  const { evaluation, classes } = result;
  const write = writerIn(runFolder);
  const outcomes = outcomesOf(evaluation!, testSet);
  const matrix = confusionMatrixSvg(countsOf(outcomes, classes.length), classes, { title: `${path.basename(runFolder)}: test images` });
  const predictions = outcomes.map(({ truth, guess, ...rest }) => ({ ...rest, truth: classes[truth], guess: classes[guess] }));
  await Promise.all([
    writeCurves(runFolder, result, trainImages),
    writeMistakes(runFolder, outcomes, testSet),
    renderPng(matrix).then((png) => write(runFiles.confusionMatrix, png)),
    write(runFiles.predictions, predictionsCsv(predictions, classes)),
  ]);
  return [
    { name: runFiles.confusionMatrix, shows: 'which digit was taken for which' },
    { name: runFiles.misclassified, shows: 'the wrong guesses' },
    { name: runFiles.predictions, shows: 'every guess' },
    ...commonFiles,
  ];
}
