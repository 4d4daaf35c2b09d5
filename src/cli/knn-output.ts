import type { KnnStudy, Rows } from '../classic/index.ts';
import { columns } from '../core/columns.ts';
import type { Dataset } from '../data/dataset.ts';
import type { EngineInfo } from '../engine/engine.ts';
import { fontNote } from '../report/fonts.ts';
import { namedScores } from '../report/outcomes.ts';
import { confusionMatrix } from '../train/metrics.ts';
import { counted, engineName, percent } from './format.ts';
import { fileList, type ReportFile } from './run-files.ts';

/** What one kind of features gave. */
export interface KnnView extends KnnStudy {
  /** `pixels`, or the network's name. */
  readonly name: string;
  /** Numbers to a picture. */
  readonly width: number;
}

export interface KnnResult {
  readonly data: string;
  readonly train: Dataset;
  readonly test: Dataset;
  /** Levels. */
  readonly pixels: { readonly train: Rows; readonly test: Rows };
  /** Pixels first. */
  readonly views: readonly KnnView[];
  readonly engine: EngineInfo;
  readonly folds: number;
  readonly seed: number;
  readonly runFolder: string;
}

export const countsOf = ({ predictions }: KnnView, { labels, classes }: Dataset): number[][] =>
  confusionMatrix(predictions, labels, classes.length);
export const rightOf = ({ accuracy }: KnnView, test: Dataset): number => Math.round(accuracy * test.length);

export function jsonOf({ data, train, test, views, engine, folds, seed, runFolder }: KnnResult, files: readonly ReportFile[]): object {
  return {
    data,
    trainImages: train.length,
    testImages: test.length,
    metric: views[0].metric,
    folds,
    seed,
    engine,
    views: views.map((view) => {
      const counts = countsOf(view, test);
      const { name, width, crossValidation, bestK, accuracy, queryTimes } = view;
      const classes = namedScores(counts, test.classes);
      const correct = rightOf(view, test);
      return { features: name, width, crossValidation, bestK, accuracy, correct, classes, confusionMatrix: counts, queryTimes };
    }),
    runFolder,
    files: files.map(({ name }) => name),
  };
}

const metricNames = { l1: 'L1, Σ|a − b|', l2: 'L2, √Σ(a − b)²', cosine: 'cosine, the angle between them' };
const milliseconds = (seconds: number): string => `${Number((1000 * seconds).toPrecision(2))} ms`;

/** By class: right, and what else it was taken for most often. */
function classRows(view: KnnView, test: Dataset): string[][] {
  const counts = countsOf(view, test);
  return counts.map((row, c) => {
    const all = row.reduce((a, b) => a + b, 0);
    const other = row.reduce((most, count, i) => (i !== c && count > 0 && (most < 0 || count > row[most]) ? i : most), -1);
    const taken = other < 0 ? '–' : `${test.classes[other]} (${row[other]})`;
    return [test.classes[c], all ? percent(row[c] / all) : '–', `${row[c]} of ${all}`, taken];
  });
}

/** Over fewer further images than this a slope for every 1000 would be an extrapolation. */
const leastFurther = 1000;

/** What more images cost, or that the times do not show it. */
function slopeWords(queryTimes: KnnView['queryTimes']): string {
  const [first, last] = [queryTimes[0], queryTimes.at(-1)!];
  const further = last.rows - first.rows;
  const rises = queryTimes.every(({ secondsPerQuery }, i) => i === 0 || secondsPerQuery > queryTimes[i - 1].secondsPerQuery);
  if (further < leastFurther || !rises) return 'which times as short as these do not show';
  return `here ${milliseconds((1000 * (last.secondsPerQuery - first.secondsPerQuery)) / further)} for every further 1000 images`;
}

export function timeLines({ queryTimes }: Pick<KnnView, 'queryTimes'>): string[] {
  const times = queryTimes.map(({ rows, secondsPerQuery }) => `${milliseconds(secondsPerQuery)} among ${rows}`);
  return [
    'Time to train: none, the training images are only kept.',
    `Time of a query: ${times.join(', ')} images.`,
    `Each query is compared with every image: O(n), ${slopeWords(queryTimes)}.`,
    'A trained network is the other way round: long to train, and then a prediction costs the same however many images it has seen.',
  ];
}

function viewLines(view: KnnView, { test }: KnnResult): string[] {
  const { name, width, crossValidation, bestK, accuracy } = view;
  const folds = crossValidation[0].foldAccuracies.length;
  const rows = crossValidation.map(({ k, mean, spread, foldAccuracies }) => [
    `${k}`,
    percent(mean),
    `± ${percent(spread)}`,
    foldAccuracies.map((rate) => percent(rate)).join(' '),
    k === bestK ? 'best' : '',
  ]);
  return [
    `${name}: ${width} numbers to an image`,
    '',
    `Cross-validation: the training images in ${folds} parts, each classified by the others`,
    ...columns([['k', 'accuracy', 'spread', 'each part', ''], ...rows]),
    '',
    `Test accuracy ${percent(accuracy)} with k = ${bestK} (${rightOf(view, test)} of ${counted(test.length, 'image')} right)`,
    ...columns([['class', 'accuracy', 'right', 'else most often'], ...classRows(view, test)]),
    '',
    ...timeLines(view),
    '',
  ];
}

/** What the command says. */
export function linesOf(result: KnnResult, files: readonly ReportFile[]): string[] {
  const { data, train, test, views, engine, runFolder } = result;
  const [pixels, features] = views;
  const note = fontNote(test.classes, 'the same command');
  const gained = features && rightOf(features, test) - rightOf(pixels, test);
  return [
    `Nearest neighbours on ${data}: ${counted(train.length, 'training image')}, ${counted(test.length, 'test image')}, ${train.classes.length} classes`,
    `Distance: ${metricNames[pixels.metric]}`,
    `Engine: ${engineName(engine)}`,
    '',
    ...views.flatMap((view) => viewLines(view, result)),
    ...(gained === undefined
      ? []
      : [
          `Features of ${features.name} instead of pixels: ${gained >= 0 ? `${gained} more` : `${-gained} fewer`} test ${Math.abs(gained) === 1 ? 'image' : 'images'} right`,
          '',
        ]),
    ...(note.length ? [...note, ''] : []),
    ...fileList(runFolder, files),
  ];
}
