import path from 'node:path';
import type { Dataset } from '../data/dataset.ts';
import { epochOrder } from '../data/order.ts';
import { isDeterministic } from '../data/transforms/index.ts';
import { confusionMatrixSvg } from '../report/confusion-matrix.ts';
import { drawnNames, isDrawable, titled } from '../report/fonts.ts';
import { mosaicSvg } from '../report/mosaic.ts';
import {
  confusions,
  countsOf,
  isWrong,
  namedScores,
  type Outcome,
  perClassCsv,
  pictureOutcomesCsv,
  worstMistakes,
} from '../report/outcomes.ts';
import { renderJpeg, renderPng } from '../report/render.ts';
import { runFiles } from '../report/run-folder.ts';
import { ellipsis } from '../report/svg.ts';
import { readTiles } from '../report/tiles.ts';
import type { TrainResult } from '../train/train-options.ts';
import { commonFiles, type ReportFile, writeCurves, writerIn } from './run-files.ts';

/** Pictures that a drawing shows. */
const mostTiles = 24;
/** Leaves room in a caption for the probability. */
const longestName = 18;
/** Leaves room for the name of a file. */
const longestFolder = 8;

export interface PictureRun {
  runFolder: string;
  trainSet: Dataset;
  testSet: Dataset;
  /** Names to show, by class index. */
  names: readonly string[];
}

const percent = (rate: number): string => `${Math.round(100 * rate)}%`;

/** The first batch of training as the network sees it: whatever is wrong with labels or transforms shows here. */
export async function writeTrainBatch({ runFolder, trainSet, names }: PictureRun, seed: number, batchSize: number): Promise<void> {
  const order = epochOrder(trainSet.length, { seed, epoch: 0 }).slice(0, Math.min(batchSize, mostTiles));
  const items = Array.from(order, (index) => ({ index }));
  const shown = drawnNames(names);
  const tiles = await readTiles(trainSet, items, ({ index }) => ({ caption: shown[trainSet.labels[index]] }));
  const changes = isDeterministic(trainSet.pictures?.transforms ?? [])
    ? 'which training does not change at random'
    : 'with the changes that training makes';
  const note = `${tiles.length} pictures of the first batch, ${changes}`;
  const title = titled(path.basename(runFolder), 'what the network sees');
  await writerIn(runFolder)(runFiles.trainBatch, await renderJpeg(await mosaicSvg(tiles, { title, note })));
}

/** Some of many, evenly spread. */
const spread = <T>(items: readonly T[], most: number): T[] =>
  items.length <= most ? [...items] : Array.from({ length: most }, (_, i) => items[Math.floor((i * items.length) / most)]);

async function writeDrawings({ runFolder, testSet, ...run }: PictureRun, outcomes: readonly Outcome[]): Promise<void> {
  const names = drawnNames(run.names);
  const write = writerIn(runFolder);
  const runName = path.basename(runFolder);
  const counts = countsOf(outcomes, names.length);
  for (const [file, normalise] of [
    [runFiles.confusionMatrix, false],
    [runFiles.confusionMatrixNormalised, true],
  ] as const)
    await write(file, await renderPng(confusionMatrixSvg(counts, names, { title: titled(runName, 'validation pictures'), normalise })));

  const read = (some: readonly Outcome[]) =>
    readTiles(testSet, some, (outcome) => {
      const { guess, truth, probability } = outcome;
      const [folder, file] = outcome.file!.split(path.sep).slice(-2);
      const name = (c: number) => ellipsis(names[c], longestName);
      const below = isDrawable(folder) ? `${ellipsis(folder, longestFolder)}/${file}` : file;
      return {
        caption: `${name(guess)}, ${percent(probability)}\n(${name(truth)})\n${below}`,
        colour: isWrong(outcome) ? 'bad' : 'good',
      };
    });
  const some = await read(spread(outcomes, mostTiles));
  const title = titled(runName, 'guesses on validation pictures');
  const note = 'guess and its probability, (truth), file: green is right, red is wrong';
  await write(runFiles.valPredictions, await renderJpeg(await mosaicSvg(some, { title, note })));

  const wrong = worstMistakes(outcomes);
  const worst = await read(wrong.slice(0, mostTiles));
  await write(
    runFiles.worstMistakes,
    await renderJpeg(
      await mosaicSvg(worst, {
        title: titled(runName, 'worst mistakes'),
        whenNone: 'No wrong guess.',
        note: wrong.length
          ? `${worst.length} of ${wrong.length} wrong guesses, the surest first: guess and its probability, (truth), file`
          : '',
      }),
    ),
  );
}

/** What there is to say about a finished run on pictures: `summary.json`, and the text at the end. */
export function summaryOf(result: TrainResult, { runFolder, trainSet, testSet, names }: PictureRun, outcomes: readonly Outcome[]) {
  const { evaluation, recipe, progress, engineInfo, classes } = result;
  const counts = countsOf(outcomes, names.length);
  const root = recipe.data;
  const right = outcomes.filter((outcome) => !isWrong(outcome)).length;
  return {
    runFolder,
    data: root,
    model: recipe.model,
    weights: recipe.weights,
    freeze: recipe.freeze,
    trainImages: trainSet.length,
    validationImages: testSet.length,
    accuracy: evaluation!.accuracy,
    right,
    top5Accuracy: evaluation!.top5Accuracy,
    loss: evaluation!.loss,
    best: progress.best,
    epochs: progress.epoch,
    seconds: progress.seconds,
    trainSeconds: progress.trainSeconds,
    imagesPerSecond: (progress.epoch * trainSet.length) / progress.trainSeconds,
    engine: engineInfo,
    classes: namedScores(counts, names).map((score, c) => ({ class: classes[c], ...score })),
    confusions: confusions(counts, names),
    mistakes: worstMistakes(outcomes).map(({ file, truth, guess, probability }) => ({
      file: path.relative(root, file!).split(path.sep).join('/'),
      truth: names[truth],
      guess: names[guess],
      probability,
    })),
    skipped: evaluation!.skipped.map((index) => path.relative(root, testSet.pictures!.files[index]).split(path.sep).join('/')),
    history: progress.history,
  };
}
export type Summary = ReturnType<typeof summaryOf>;

/** Writes the tables of a finished run on pictures. */
export async function writePictureTables(run: PictureRun, result: TrainResult, outcomes: readonly Outcome[]): Promise<Summary> {
  const write = writerIn(run.runFolder);
  const summary = summaryOf(result, run, outcomes);
  await write(runFiles.summary, `${JSON.stringify(summary, null, 2)}\n`);
  await write(runFiles.predictions, pictureOutcomesCsv(outcomes, run.names, result.recipe.data));
  await write(runFiles.perClass, perClassCsv(summary.classes, result.classes));
  return summary;
}

/** Draws curves, confusion matrices and guesses. */
export async function writePictureDrawings(run: PictureRun, result: TrainResult, outcomes: readonly Outcome[]): Promise<void> {
  await writeCurves(run.runFolder, result, run.trainSet.length, { over: 'epoch', testName: 'val' });
  await writeDrawings(run, outcomes);
}

/** What a finished run on pictures leaves. */
export const pictureFiles: readonly ReportFile[] = [
  { name: runFiles.summary, shows: 'all of this for programs' },
  { name: runFiles.trainBatch, shows: 'the first pictures as the network saw them' },
  { name: runFiles.valPredictions, shows: 'guesses on validation pictures' },
  { name: runFiles.worstMistakes, shows: 'the surest wrong ones' },
  { name: runFiles.predictions, shows: 'every guess with its file' },
  { name: runFiles.perClass, shows: 'precision, recall and F1 of every class' },
  { name: runFiles.confusionMatrix, shows: 'which class was taken for which' },
  { name: runFiles.confusionMatrixNormalised, shows: 'the same in percent of each class' },
  ...commonFiles,
];
