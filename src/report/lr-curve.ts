import type { LrFinding } from '../train/lr-find.ts';
import { formatCsv } from './csv.ts';
import { formatLoss, lineChart } from './line-chart.ts';
import { colours, drawing, header, headerHeightPx } from './theme.ts';

const panelPx = { width: 760, height: 440 };
const edgePx = 20;

/** A learning rate in as few signs as it takes: `0.003`, `1e-6`. */
export const formatRate = (lr: number): string => {
  const short = Number(lr.toPrecision(2));
  return short < 1e-3 ? short.toExponential() : `${short}`;
};

/** A search ends where losses run away: they are drawn up to so many times the mean of the first ones, of which a single one may be anything. */
const drawnLosses = 2;
const firstTrials = 5;

/** Loss over the logarithm of the learning rate, as SVG, with the suggested rate in words and as a line. */
export function lrCurveSvg({ trials, suggestion }: LrFinding, told: string): string {
  const found = suggestion === undefined ? 'The loss never falls: no suggestion' : `Suggested learning rate: ${formatRate(suggestion)}`;
  const points = (pick: 'loss' | 'smoothed') => trials.map((trial) => ({ x: Math.log10(trial.lr), y: trial[pick] }));
  const top = headerHeightPx(told);
  const chart = lineChart(
    {
      title: 'Loss at every learning rate',
      xTitle: 'learning rate, logarithmic',
      xName: 'rate',
      formatX: (x) => formatRate(10 ** x),
      yTitle: 'cross-entropy loss (nats)',
      mark: suggestion === undefined ? undefined : { x: Math.log10(suggestion), name: `suggested: ${formatRate(suggestion)}` },
      limits: [0, drawnLosses * (trials.slice(0, firstTrials).at(-1)?.smoothed ?? 1)],
      format: formatLoss,
      unit: '',
      series: [
        { name: 'one batch', colour: colours.test, points: points('loss') },
        { name: 'smoothed', colour: colours.train, points: points('smoothed') },
      ],
    },
    { x: edgePx, y: top, ...panelPx },
  );
  return drawing(panelPx.width + 2 * edgePx, top + panelPx.height + 10, [header(edgePx + 74, found, told), chart]);
}

/** `lr_find.csv`: lr, loss, smoothed. */
export const lrCsv = ({ trials }: LrFinding): string =>
  formatCsv(
    ['lr', 'loss', 'smoothed'],
    trials.map(({ lr, loss, smoothed }) => [lr, loss, smoothed].map((value) => Number(value.toPrecision(7)))),
  );
