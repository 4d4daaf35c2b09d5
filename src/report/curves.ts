import type { ResultRow } from './csv.ts';
import { isDrawable } from './fonts.ts';
import { type Chart, formatLoss, lineChart, type Series } from './line-chart.ts';
import { colours, drawing, header, headerHeightPx } from './theme.ts';

const panelPx = { width: 620, height: 420 };
const edgePx = 20;
/** Percentage points: a few pictures more or fewer are not to look like a curve. */
const leastAccuracySpan = 5;

/** What the two panels show of a row. */
const panels = {
  loss: { train: 'trainLoss', test: 'testLoss', factor: 1 },
  accuracy: { train: 'trainAccuracy', test: 'testAccuracy', factor: 100 },
} as const satisfies Record<string, { train: keyof ResultRow; test: keyof ResultRow; factor: number }>;

const untitled = 'Training';
const xTitles = { step: 'step (batches)', epoch: 'epoch' } as const;

export interface CurvesOptions {
  title?: string;
  /** A line below the title. */
  note?: string;
  over?: keyof typeof xTitles;
  lossName?: string;
}

/** The two panels side by side, with the series that the caller finds for each. */
function panelsSvg(
  seriesOf: (panel: keyof typeof panels) => Series[],
  { title = untitled, note = '', over = 'step', lossName = 'cross-entropy loss (nats)' }: CurvesOptions,
): string {
  const loss: Chart = {
    title: 'Loss',
    xTitle: xTitles[over],
    xName: over,
    yTitle: lossName,
    best: 'min',
    mayBeLogarithmic: true,
    limits: [0, Infinity],
    format: formatLoss,
    unit: '',
    series: seriesOf('loss'),
  };
  const accuracy: Chart = {
    title: 'Accuracy',
    xTitle: xTitles[over],
    xName: over,
    yTitle: 'accuracy (%)',
    best: 'max',
    limits: [0, 100],
    leastSpan: leastAccuracySpan,
    format: (value) => `${Number(value.toFixed(2))}`,
    unit: ' %',
    series: seriesOf('accuracy'),
  };
  const top = headerHeightPx(note);
  const charts = [loss, accuracy].map((chart, i) =>
    lineChart(chart, { x: edgePx + i * panelPx.width, y: top, width: panelPx.width, height: panelPx.height }),
  );
  return drawing(2 * panelPx.width + 2 * edgePx, top + panelPx.height + 10, [
    header(edgePx + 74, isDrawable(title) ? title : untitled, note),
    ...charts,
  ]);
}

function pointsOf(rows: readonly ResultRow[], column: keyof ResultRow, { factor, over }: { factor: number; over: keyof typeof xTitles }) {
  return rows.flatMap((row) => {
    const y = row[column];
    return y === undefined ? [] : [{ x: row[over], y: y * factor }];
  });
}

/**
 * Loss and accuracy on the training and the test pictures, side by side, as SVG.
 *
 * The lowest loss and the highest accuracy of each curve are marked; the axis of accuracy spans 5 % or more. Values that are not finite
 * leave a gap and are named; values that were not measured (`undefined`) are passed over. The loss axis is logarithmic where losses span more than a factor of 20.
 *
 * - `rows`: what was measured, in the order of training.
 * - `over`: the horizontal axis, `'step'` (default) or `'epoch'`.
 * - `testName`: what the pictures that do not train are called, default "test".
 * - `lossName`: default "cross-entropy loss (nats)".
 *
 * @example await writeAtomic('curves.svg', curvesSvg(rows, { title: 'mnist' }))
 */
export function curvesSvg(
  rows: readonly ResultRow[],
  { testName = 'test', ...options }: CurvesOptions & { testName?: string } = {},
): string {
  const { over = 'step' } = options;
  return panelsSvg(
    (panel) =>
      (['train', 'test'] as const).map((split) => {
        const { factor, [split]: column } = panels[panel];
        return { name: split === 'test' ? testName : split, colour: colours[split], points: pointsOf(rows, column, { factor, over }) };
      }),
    options,
  );
}

/** One of the trainings that are compared. */
export interface ComparedRun {
  readonly name: string;
  readonly rows: readonly ResultRow[];
  /** Default: the next of the theme's colours. */
  readonly colour?: string;
  readonly dashed?: boolean;
}

/**
 * Loss and accuracy of several trainings over each other, side by side, as SVG; marked and scaled as in `curvesSvg`.
 *
 * - `runs`: what was measured of each. `colour` and `dashed` group them, such as one colour a depth and gaps for one kind.
 * - `split`: whose loss and accuracy, `'train'` (default) or `'test'`.
 *
 * @example comparisonSvg([{ name: 'sgd', rows }, { name: 'adam', rows: others }], { title: 'Optimizers', over: 'epoch' })
 */
export function comparisonSvg(
  runs: readonly ComparedRun[],
  { split = 'train', ...options }: CurvesOptions & { split?: 'train' | 'test' } = {},
): string {
  const { over = 'step' } = options;
  const cycle = [colours.train, colours.test, colours.good, colours.ink];
  return panelsSvg(
    (panel) =>
      runs.map(({ name, rows, colour, dashed }, i) => {
        const { factor, [split]: column } = panels[panel];
        return { name, colour: colour ?? cycle[i % cycle.length], dashed, points: pointsOf(rows, column, { factor, over }) };
      }),
    options,
  );
}
