import { type BackgroundCase, type BorderColour, borderColours, decidedByBackground, rowOf } from '../classic/index.ts';
import { samplePicture } from '../data/sample-picture.ts';
import { confusionMatrixSvg } from '../report/confusion-matrix.ts';
import { predictionsCsv } from '../report/csv.ts';
import { foldChartSvg } from '../report/fold-chart.ts';
import { drawnNames, titled } from '../report/fonts.ts';
import { type NeighbourCase, type NeighbourView, neighboursSvg, type Pixels } from '../report/neighbours.ts';
import { renderPng } from '../report/render.ts';
import { counted } from './format.ts';
import { countsOf, type KnnResult, type KnnView } from './knn-output.ts';
import { type ReportFile, writerIn } from './run-files.ts';

const mostCases = 8;
/** Neighbours drawn of a query: at least these, at most those. */
const shownNeighbours = [6, 10] as const;

/** A result with the names of its classes as they are drawn. */
type DrawnResult = KnnResult & { readonly names: readonly string[] };

/** A row of levels as a picture. */
function pixelsOf({ train, pixels }: KnnResult, part: 'train' | 'test', row: number): Pixels {
  const levels = Float32Array.from(rowOf(pixels[part], row), (level) => level / 255);
  const { width, height, data } = samplePicture(levels, train.sampleShape);
  return { width, height, pixels: data };
}

const hexOf = (colour: BorderColour): string => {
  const [red, green = red, blue = red] = colour.map((level) => Math.round(level).toString(16).padStart(2, '0'));
  return `#${red}${green}${blue}`;
};

function viewOf(result: DrawnResult, { name, bestK, neighbours, predictions }: KnnView, query: number): NeighbourView {
  const { train, test, names } = result;
  const { k, indices } = neighbours;
  const near = Array.from(indices.subarray(query * k, (query + 1) * k));
  const nameOf = (row: number) => names[train.labels[row]];
  const counts = new Map<string, number>();
  for (const row of near.slice(0, bestK)) counts.set(nameOf(row), (counts.get(nameOf(row)) ?? 0) + 1);
  const shown = near.slice(0, Math.min(k, shownNeighbours[1], Math.max(bestK, shownNeighbours[0])));
  return {
    name: `${name}, k = ${bestK}${shown.length < bestK ? ` (the nearest ${shown.length} shown)` : ''}`,
    guess: names[predictions[query]],
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

/** Wrong guesses on pixels that the background explains, the clearest first. */
function backgroundCases({ train, test, pixels, views }: KnnResult): BackgroundCase[] {
  const [{ bestK, neighbours, predictions, probabilities }] = views;
  const { k, indices } = neighbours;
  return decidedByBackground({
    queryColours: borderColours(pixels.test, test.sampleShape),
    rowColours: borderColours(pixels.train, train.sampleShape),
    labels: test.labels,
    rowLabels: train.labels,
    guesses: predictions,
    shareOf: (query) => probabilities[query * train.classes.length + predictions[query]],
    neighboursOf: (query) => indices.subarray(query * k, query * k + bestK),
  });
}

/** Of each class the first, then the rest in order. */
function variedFirst<T extends { query: number }>(found: readonly T[], labels: ArrayLike<number>): T[] {
  const seen = new Set<number>();
  const first = found.filter(({ query }) => !seen.has(labels[query]) && seen.add(labels[query]));
  return [...first, ...found.filter((one) => !first.includes(one))];
}

/** The wrong guesses that are drawn, and what to call them. */
async function drawNeighbours(result: DrawnResult): Promise<string> {
  const { data, test, views, names } = result;
  const [{ predictions, probabilities }] = views;
  const wrong = [...test.labels.keys()].filter((query) => predictions[query] !== test.labels[query]);
  const byBackground = backgroundCases(result);
  const shareOf = (query: number) => probabilities[query * test.classes.length + predictions[query]];
  const surest = wrong.toSorted((a, b) => shareOf(b) - shareOf(a)).map((query): Pick<BackgroundCase, 'query'> => ({ query }));
  const found: readonly (Pick<BackgroundCase, 'query'> & Partial<BackgroundCase>)[] = byBackground.length ? byBackground : surest;
  const cases = variedFirst(found, test.labels)
    .slice(0, mostCases)
    .map(({ query, own, neighbours: near, truth }): NeighbourCase => {
      const name = names[test.labels[query]];
      const swatches = { 'this picture': own, 'its voters': near, [`all of ${name}`]: truth };
      return {
        query: pixelsOf(result, 'test', query),
        truth: name,
        swatches: Object.entries(swatches).flatMap(([words, colour]) => (colour ? [{ name: words, fill: hexOf(colour) }] : [])),
        views: views.map((view) => viewOf(result, view, query)),
      };
    });
  const title = titled(data, byBackground.length ? 'where the background decided' : 'wrong guesses and their neighbours');
  if (cases.length === 0) return neighboursSvg([], { title, note: '', whenNone: 'No wrong guess.' });
  const told = byBackground.length
    ? `${byBackground.length} of ${wrong.length} wrong guesses have voters that share the border’s colour, not the class: the clearest ${cases.length}.`
    : `${wrong.length} wrong guesses, none of which the background explains: the ${cases.length} with the most votes.`;
  return neighboursSvg(cases, { title, note: `${told}${mendedWords(result, found)}` });
}

/** How many of the guesses that the pictures are chosen from the features get right. */
function mendedWords({ test, views: [, features] }: KnnResult, found: readonly { query: number }[]): string {
  if (!features) return '';
  const mended = found.filter(({ query }) => features.predictions[query] === test.labels[query]).length;
  return ` ${features.name} gets ${mended} of the ${found.length} right.`;
}

/** Writes the pictures and tables of a run. */
export async function writeKnnReport(result: KnnResult): Promise<ReportFile[]> {
  const { data, train, test, views, folds, runFolder } = result;
  const names = drawnNames(test.classes);
  const files: ReportFile[] = [];
  const write = writerIn(runFolder, files);
  const series = views.map(({ name, crossValidation }) => ({
    name,
    points: crossValidation.map(({ k, ...scores }) => ({ name: `${k}`, ...scores })),
  }));
  const folded = `${counted(train.length, 'training image')} in ${folds} parts: dots are the parts, bars one standard deviation`;
  const chart = foldChartSvg(series, { title: titled(data, 'cross-validation of k'), note: folded, xTitle: 'k, neighbours that vote' });
  await write('cross_validation.png', await renderPng(chart), 'accuracy of every k on the parts of the training images');

  await write(
    'neighbours.png',
    await renderPng(await drawNeighbours({ ...result, names })),
    'wrong guesses, their neighbours and votes; where the background decided',
  );

  for (const [i, view] of views.entries()) {
    const suffix = i === 0 ? '' : '_features';
    const title = titled(data, `${view.name}, k = ${view.bestK}`);
    const matrix = confusionMatrixSvg(countsOf(view, test), names, { title });
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
