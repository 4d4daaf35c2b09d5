import path from 'node:path';
import { weightTemplate } from '../classic/index.ts';
import { f32 } from '../core/ndarray.ts';
import { writeStateFile } from '../data/state-file.ts';
import { confusionMatrixSvg } from '../report/confusion-matrix.ts';
import { type ResultRow, resultsCsv } from '../report/csv.ts';
import { curvesSvg } from '../report/curves.ts';
import { drawnNames, titled } from '../report/fonts.ts';
import { mosaicSvg } from '../report/mosaic.ts';
import { penaltySvg } from '../report/penalty-chart.ts';
import { renderPng } from '../report/render.ts';
import { ellipsis } from '../report/svg.ts';
import { counted } from './format.ts';
import { countsOf, type LinearRun } from './linear-output.ts';
import { type ReportFile, writerIn } from './run-files.ts';

const templatePx = 160;
const templateColumns = 5;
/** A mosaic's caption has room for the share beside it. */
const longestName = 17;
const lossNames = { hinge: 'hinge loss', softmax: 'cross-entropy loss (nats)' };

/** Writes the pictures and tables of a run. */
export async function writeLinearReport(run: LinearRun): Promise<ReportFile[]> {
  const { data, train, test, objective, recipe, result, compared, runFolder } = run;
  const { model, history } = result;
  const files: ReportFile[] = [];
  const write = writerIn(runFolder, files);
  const counts = countsOf(run);
  const names = drawnNames(test.classes);
  const shareOf = (c: number) =>
    counts[c][c] /
    Math.max(
      1,
      counts[c].reduce((a, b) => a + b, 0),
    );
  const told = `${objective.loss}, λ = ${objective.l2}, ${counted(train.length, 'training image')}`;

  const tiles = names.map((name, c) => ({
    ...weightTemplate(model, c, train.sampleShape),
    caption: `${ellipsis(name, longestName)}, ${Math.round(100 * shareOf(c))} %`,
  }));
  const templates = await mosaicSvg(tiles, {
    title: titled(data, 'the rows of W as pictures'),
    note: `${told}; grey is 0; where a row is lighter, light there raises the score; % of test images right`,
    columns: templateColumns,
    sidePx: templatePx,
  });
  await write('templates.png', await renderPng(templates), 'what each class’s weights would like to see');

  const rows = history.map(({ epoch, step, lr, trainLoss, trainAccuracy, testLoss, testAccuracy }): ResultRow => {
    return { epoch, step, lr, trainLoss, trainAccuracy, testLoss, testAccuracy };
  });
  const { batchSize, momentum, lr } = recipe;
  const note = `${told}; learning rate ${lr}, momentum ${momentum}, ${counted(batchSize, 'image')} a step; losses without the penalty`;
  const curves = curvesSvg(rows, { title: titled(data, 'linear classifier'), note, over: 'epoch', lossName: lossNames[objective.loss] });
  await write('curves.png', await renderPng(curves), 'loss and accuracy, epoch by epoch');
  await write('results.csv', resultsCsv(rows), 'the same as numbers');

  if (compared.length > 1) {
    const best = names.map((_, c) => c).reduce((a, b) => (shareOf(b) > shareOf(a) ? b : a));
    const points = compared.map((one) => ({ ...one, template: weightTemplate(one.model, best, train.sampleShape) }));
    const words = `${objective.loss} loss + λ·Σ W²: the same training with ${compared.length} values of λ`;
    const drawn = await penaltySvg(points, { title: titled(data, 'the effect of λ'), note: words, className: names[best] });
    await write('lambda.png', await renderPng(drawn), 'accuracy, Σ W² and weights for several λ');
  }
  const matrix = confusionMatrixSvg(counts, names, { title: titled(data, `linear classifier, ${objective.loss}`) });
  await write('confusion_matrix.png', await renderPng(matrix), 'which class was taken for which');

  const weights = 'weights.safetensors';
  await writeStateFile(
    path.join(runFolder, weights),
    new Map([
      ['weight', f32(model.weight, [model.classes, model.width])],
      ['bias', f32(model.bias)],
    ]),
    { classes: JSON.stringify(train.classes), sampleShape: JSON.stringify(train.sampleShape) },
  );
  files.push({ name: weights, shows: 'W and b, for levels from 0 to 1' });
  return files;
}
