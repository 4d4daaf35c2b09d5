import path from 'node:path';
import type { Dataset } from '../data/dataset.ts';
import { writeAtomic } from '../data/write-atomic.ts';
import { confusionMatrixSvg } from '../report/confusion-matrix.ts';
import { type Prediction, predictionsCsv, type ResultRow, resultsCsv } from '../report/csv.ts';
import { curvesSvg } from '../report/curves.ts';
import { mosaicSvg, type Tile } from '../report/mosaic.ts';
import { renderPng } from '../report/render.ts';
import { runFiles } from '../report/run-folder.ts';
import { confusionMatrix, predictedClasses, softmaxRow } from '../train/metrics.ts';
import type { HistoryRow } from '../train/progress.ts';
import type { Recipe } from '../train/recipe.ts';
import type { TrainResult } from '../train/train-options.ts';

/** As many as a picture shows at a glance; `predictions.csv` has them all. */
const mostTiles = 60;

const resultRows = (history: readonly HistoryRow[], trainImages: number): ResultRow[] =>
  history.map(({ epoch, step, images, loss, trainAccuracy, testLoss, testAccuracy, lr, seconds, imagesPerSecond }) => ({
    epoch: epoch - 1 + images / trainImages,
    step,
    seconds,
    imagesPerS: imagesPerSecond,
    trainLoss: loss,
    trainAccuracy,
    testLoss,
    testAccuracy,
    lr,
  }));

export const writeArgs = (runFolder: string, recipe: Recipe): Promise<void> =>
  writeAtomic(path.join(runFolder, runFiles.args), `${JSON.stringify(recipe, null, 2)}\n`);

export const writeResults = (runFolder: string, history: readonly HistoryRow[], trainImages: number): Promise<void> =>
  writeAtomic(path.join(runFolder, runFiles.results), resultsCsv(resultRows(history, trainImages)));

function predictionsOf(logits: Float32Array, { classes, labels }: Dataset): Prediction[] {
  return Array.from(predictedClasses(logits, classes.length), (guess, index) => {
    const probabilities = softmaxRow(logits, index * classes.length, classes.length);
    return { index, truth: classes[labels[index]], guess: classes[guess], probability: probabilities[guess], probabilities };
  });
}

async function tilesOf(predictions: readonly Prediction[], dataset: Dataset): Promise<Tile[]> {
  const [channels, height, width] = dataset.sampleShape;
  const values = new Float32Array(channels * height * width);
  const tiles: Tile[] = [];
  for (const { index, truth, guess, probability } of predictions) {
    await dataset.read([index], values);
    const pixels = Uint8Array.from({ length: values.length }, (_, i) => {
      const planar = (i % channels) * height * width + Math.floor(i / channels);
      return Math.round(255 * Math.min(1, Math.max(0, values[planar])));
    });
    tiles.push({ pixels, width, height, caption: `${truth}, guess ${guess} (${Math.round(100 * probability)}%)`, colour: 'bad' });
  }
  return tiles;
}

/** Writes the pictures and tables of a finished run; returns a line about each file. */
export async function writeReport(runFolder: string, result: TrainResult, testSet: Dataset, trainImages: number): Promise<string[]> {
  const { progress, evaluation, classes, recipe } = result;
  const write = (name: string, content: Uint8Array | string) => writeAtomic(path.join(runFolder, name), content);
  const name = path.basename(runFolder);
  const { model, data, optimizer, lr, batchSize } = recipe;
  const told = `${model} on ${data}, ${optimizer}, learning rate ${lr}, ${batchSize} images a step`;
  const curves = curvesSvg(resultRows(progress.history, trainImages), { title: name, note: told });
  await write(runFiles.curvesSvg, curves);
  await write(runFiles.curvesPng, await renderPng(curves));

  const predictions = predictionsOf(evaluation!.logits, testSet);
  await write(runFiles.predictions, predictionsCsv(predictions, classes));
  const counts = confusionMatrix(predictedClasses(evaluation!.logits, classes.length), testSet.labels, classes.length);
  await write(runFiles.confusionMatrix, await renderPng(confusionMatrixSvg(counts, classes, { title: `${name}: test images` })));
  const wrong = predictions.filter(({ truth, guess }) => truth !== guess).sort((a, b) => b.probability - a.probability);
  const shown = wrong.slice(0, mostTiles);
  const note = `${shown.length} of ${wrong.length}, the surest first: truth, guess (its probability)`;
  const mosaic = await mosaicSvg(await tilesOf(shown, testSet), { title: `${name}: misclassified test images`, note });
  await write(runFiles.misclassified, await renderPng(mosaic));

  return [
    `${runFiles.args}  what the run was told`,
    `${runFiles.results}, ${runFiles.curvesPng}, ${runFiles.curvesSvg}  loss and accuracy on the way`,
    `${runFiles.confusionMatrix}  which digit was taken for which`,
    `${runFiles.misclassified}, ${runFiles.predictions}  the wrong guesses; every guess`,
    'weights/best.safetensors, weights/last.safetensors  the network',
  ];
}
