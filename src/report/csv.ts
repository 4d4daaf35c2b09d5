/** What a cell may hold; `undefined` leaves it empty. */
export type Cell = string | number | boolean | undefined;

const quote = (cell: string): string => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

/**
 * Rows as CSV below a line of names; lines end with LF.
 *
 * **Source**: RFC 4180 for quoting; LF instead of CRLF, as command-line tools expect.
 *
 * @example formatCsv(['index', 'guess'], [[0, 'cat, black']]) // 'index,guess\n0,"cat, black"\n'
 */
export const formatCsv = (names: readonly string[], rows: readonly (readonly Cell[])[]): string =>
  [names, ...rows].map((row) => `${row.map((cell) => quote(String(cell ?? ''))).join(',')}\n`).join('');

/** One line of `results.csv`; `undefined` where something was not measured. */
export interface ResultRow {
  readonly epoch: number;
  /** Batches done since the start of training. */
  readonly step: number;
  readonly seconds?: number;
  readonly imagesPerS?: number;
  readonly trainLoss?: number;
  /** Fraction from 0 to 1, as every accuracy and probability. */
  readonly trainAccuracy?: number;
  readonly testLoss?: number;
  readonly testAccuracy?: number;
  readonly lr?: number;
  readonly trainTop5Accuracy?: number;
  readonly testTop5Accuracy?: number;
}

/** Columns of the file, in order, and the field each holds. */
const resultColumns = {
  epoch: 'epoch',
  step: 'step',
  seconds: 'seconds',
  images_per_s: 'imagesPerS',
  train_loss: 'trainLoss',
  train_accuracy: 'trainAccuracy',
  test_loss: 'testLoss',
  test_accuracy: 'testAccuracy',
  lr: 'lr',
  train_top5_accuracy: 'trainTop5Accuracy',
  test_top5_accuracy: 'testTop5Accuracy',
} as const satisfies Record<string, keyof ResultRow>;

/** Seven digits: all that single precision holds. */
const rounded = (value: number | undefined): number | undefined => (value === undefined ? undefined : Number(value.toPrecision(7)));

/**
 * `results.csv`: epoch, step, seconds, images_per_s, train_loss, train_accuracy, test_loss, test_accuracy, lr, train_top5_accuracy,
 * test_top5_accuracy; without those that were never measured.
 */
export function resultsCsv(rows: readonly ResultRow[]): string {
  const columns = Object.entries(resultColumns).filter(([, field]) => !rows.length || rows.some((row) => row[field] !== undefined));
  return formatCsv(
    columns.map(([name]) => name),
    rows.map((row) => columns.map(([, field]) => rounded(row[field]))),
  );
}

/** What a network said about one picture. */
export interface Prediction {
  /** Place in the data set. */
  readonly index: number;
  /** Class names. */
  readonly truth: string;
  readonly guess: string;
  /** Of the guess, 0 to 1. */
  readonly probability: number;
  /** Of every class, in the order of `classes`. */
  readonly probabilities?: ArrayLike<number>;
}

/** `predictions.csv`: index, truth, guess, probability, correct; with `classes` also one column of probabilities for each class. */
export const predictionsCsv = (predictions: readonly Prediction[], classes: readonly string[] = []): string =>
  formatCsv(
    ['index', 'truth', 'guess', 'probability', 'correct', ...classes.map((name) => `p(${name})`)],
    predictions.map(({ index, truth, guess, probability, probabilities }) => [
      index,
      truth,
      guess,
      rounded(probability),
      truth === guess,
      ...classes.map((_, i) => rounded(probabilities?.[i])),
    ]),
  );
