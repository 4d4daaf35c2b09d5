import type { ResultRow } from './csv.ts';
import { type Chart, lineChart, type Series } from './line-chart.ts';
import { colours, drawing, header, headerHeightPx } from './theme.ts';

const panelPx = { width: 620, height: 420 };
const edgePx = 20;

/** What the two panels show of a row. */
const panels = {
  loss: { train: 'trainLoss', test: 'testLoss', factor: 1 },
  accuracy: { train: 'trainAccuracy', test: 'testAccuracy', factor: 100 },
} as const satisfies Record<string, { train: keyof ResultRow; test: keyof ResultRow; factor: number }>;

const xTitles = { step: 'step (batches)', epoch: 'epoch' } as const;

/**
 * Loss and accuracy on the training and the test pictures, side by side, as SVG.
 *
 * The lowest loss and the highest accuracy of each curve are marked. Values that are not finite leave a gap and are named; values
 * that were not measured (`undefined`) are passed over. The loss axis is logarithmic where losses span more than a factor of 20.
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
  {
    title = 'Training',
    note = '',
    over = 'step',
    lossName = 'cross-entropy loss (nats)',
    testName = 'test',
  }: { title?: string; note?: string; over?: keyof typeof xTitles; lossName?: string; testName?: string } = {},
): string {
  const seriesOf = (panel: keyof typeof panels): Series[] =>
    (['train', 'test'] as const).map((split) => {
      const { factor, [split]: column } = panels[panel];
      const points = rows.flatMap((row) => {
        const y = row[column];
        return y === undefined ? [] : [{ x: row[over], y: y * factor }];
      });
      return { name: split === 'test' ? testName : split, colour: colours[split], points };
    });
  const loss: Chart = {
    title: 'Loss',
    xTitle: xTitles[over],
    xName: over,
    yTitle: lossName,
    best: 'min',
    mayBeLogarithmic: true,
    limits: [0, Infinity],
    format: (value) => `${Number(value.toPrecision(3))}`,
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
    format: (value) => `${Number(value.toFixed(2))}`,
    unit: ' %',
    series: seriesOf('accuracy'),
  };
  const top = headerHeightPx(note);
  const charts = [loss, accuracy].map((chart, i) =>
    lineChart(chart, { x: edgePx + i * panelPx.width, y: top, width: panelPx.width, height: panelPx.height }),
  );
  return drawing(2 * panelPx.width + 2 * edgePx, top + panelPx.height + 10, [header(edgePx + 74, title, note), ...charts]);
}
