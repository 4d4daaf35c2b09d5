import path from 'node:path';
import { borderColours, type Colour, decidedByBackground, rowOf } from '../classic/index.ts';
import { samplePicture } from '../data/sample-picture.ts';
import { writeAtomic } from '../data/write-atomic.ts';
import { confusionMatrixSvg } from '../report/confusion-matrix.ts';
import { predictionsCsv } from '../report/csv.ts';
import { foldChartSvg } from '../report/fold-chart.ts';
import { type NeighbourCase, type NeighbourView, neighboursSvg, type Pixels } from '../report/neighbours.ts';
import { renderPng } from '../report/render.ts';
import { countsOf, type KnnResult, type KnnView, type ReportFile } from './knn-output.ts';

const mostCases = 8;
/** Neighbours drawn of a query: at least these, at most those. */
const shownNeighbours = [6, 10] as const;

/** A row of levels as a picture. */
function pixelsOf({ train, pixels }: KnnResult, part: 'train' | 'test', row: number): Pixels {
  const levels = Float32Array.from(rowOf(pixels[part], row), (level) => level / 255);
  const { width, height, data } = samplePicture(levels, train.sampleShape);
  return { width, height, pixels: data };
}

const hexOf = (colour: Colour): string => {
  const [red, green = red, blue = red] = colour.map((level) => Math.round(level).toString(16).padStart(2, '0'));
  return `#${red}${green}${blue}`;
};

function viewOf(result: KnnResult, { name, bestK, neighbours, predictions }: KnnView, query: number): NeighbourView {
  const { train, test } = result;
  const { k, indices } = neighbours;
  const near = Array.from(indices.subarray(query * k, (query + 1) * k));
  const nameOf = (row: number) => train.classes[train.labels[row]];
  const counts = new Map<string, number>();
  for (const row of near.slice(0, bestK)) counts.set(nameOf(row), (counts.get(nameOf(row)) ?? 0) + 1);
  const shown = near.slice(0, Math.min(k, shownNeighbours[1], Math.max(bestK, shownNeighbours[0])));
  return {
    name: `${name}, k = ${bestK}${shown.length < bestK ? ` (the nearest ${shown.length} shown)` : ''}`,
    guess: test.classes[predictions[query]],
    isRight: predictions[query] === test.labels[query],
    neighbours: shown.map((row, i) => ({
      ...pixelsOf(result, 'train', row),
      className: nameOf(row),
      isRight: train.labels[row] === test.labels[query],
      votes: i < bestK,
    })),
    votes: [...counts].map(([className, count]) => ({ className, count })).sort((a, b) => b.count - a.count),
  };
}

/** Wrong guesses on pixels where the background decided, at first one of each class. */
function backgroundCases(result: KnnResult) {
  const { train, test, pixels, views } = result;
  const [{ bestK, neighbours, predictions, probabilities }] = views;
  const { k, indices } = neighbours;
  const found = decidedByBackground({
    queryColours: borderColours(pixels.test, test.sampleShape),
    rowColours: borderColours(pixels.train, train.sampleShape),
    labels: test.labels,
    rowLabels: train.labels,
    guesses: predictions,
    shareOf: (query) => probabilities[query * train.classes.length + predictions[query]],
    neighboursOf: (query) => indices.subarray(query * k, query * k + bestK),
  });
  const seen = new Set<number>();
  const first = found.filter(({ query }) => !seen.has(test.labels[query]) && seen.add(test.labels[query]));
  const chosen = [...first, ...found.filter((one) => !first.includes(one))].slice(0, mostCases);
  const cases = chosen.map(({ query, own, neighbours: near, truth }): NeighbourCase => {
    const name = test.classes[test.labels[query]];
    return {
      query: pixelsOf(result, 'test', query),
      truth: name,
      swatches: [
        { name: 'this picture', fill: hexOf(own) },
        { name: 'its voters', fill: hexOf(near) },
        { name: `all of ${name}`, fill: hexOf(truth) },
      ],
      views: views.map((view) => viewOf(result, view, query)),
    };
  });
  return { cases, count: found.length };
}

/** How many of the wrong guesses on pixels the features get right. */
function mendedWords({ test, views: [pixels, features] }: KnnResult): string {
  if (!features) return '';
  const wrong = [...test.labels.keys()].filter((n) => pixels.predictions[n] !== test.labels[n]);
  const mended = wrong.filter((n) => features.predictions[n] === test.labels[n]).length;
  return ` ${features.name} gets ${mended} of the ${wrong.length} right.`;
}

/** Writes the pictures and tables of a run. */
export async function writeKnnReport(result: KnnResult): Promise<ReportFile[]> {
  const { data, train, test, views, folds, runFolder } = result;
  const files: ReportFile[] = [];
  const write = async (name: string, content: Uint8Array | string, shows: string) => {
    await writeAtomic(path.join(runFolder, name), content);
    files.push({ name, shows });
  };
  const series = views.map(({ name, crossValidation }) => ({
    name,
    points: crossValidation.map(({ k, ...scores }) => ({ name: `${k}`, ...scores })),
  }));
  const folded = `${train.length} training images in ${folds} parts: dots are the parts, bars one standard deviation`;
  const chart = foldChartSvg(series, { title: `${data}: cross-validation of k`, note: folded, xTitle: 'k, neighbours that vote' });
  await write('cross_validation.png', await renderPng(chart), 'accuracy of every k on the parts of the training images');

  const { cases, count } = backgroundCases(result);
  const wrong = test.length - countsOf(views[0], test).reduce((sum, row, c) => sum + row[c], 0);
  const note = `${count} of ${wrong} wrong guesses have voters that share the border’s colour, not the class: the clearest ${cases.length}.${mendedWords(result)}`;
  const drawn = await neighboursSvg(cases, { title: `${data}: where the background decided`, note });
  await write('neighbours.png', await renderPng(drawn), 'wrong guesses, their neighbours and votes, where the background decided');

  for (const [i, view] of views.entries()) {
    const suffix = i === 0 ? '' : '_features';
    const title = `${data}: ${view.name}, k = ${view.bestK}`;
    const matrix = confusionMatrixSvg(countsOf(view, test), test.classes, { title });
    await write(`confusion_matrix${suffix}.png`, await renderPng(matrix), `which class was taken for which by ${view.name}`);
    const rows = Array.from(view.predictions, (guess, index) => {
      const probabilities = view.probabilities.subarray(index * test.classes.length, (index + 1) * test.classes.length);
      const truth = test.classes[test.labels[index]];
      return { index, truth, guess: test.classes[guess], probability: probabilities[guess], probabilities };
    });
    await write(
      `predictions${suffix}.csv`,
      predictionsCsv(rows, test.classes),
      `every guess by ${view.name}, with the shares of the votes`,
    );
  }
  return files;
}
