import { scaleLinear } from 'd3-scale';
import { axes, evenTicks } from './axes.ts';
import { textWidthPx } from './render.ts';
import { element, line, polyline, text } from './svg.ts';
import { colours, drawing, header, headerHeightPx, sizes } from './theme.ts';

/** How well one setting did on every fold; rates from 0 to 1. */
export interface FoldPoint {
  readonly name: string;
  readonly foldAccuracies: readonly number[];
  readonly mean: number;
  readonly spread: number;
}

export interface FoldSeries {
  readonly name: string;
  readonly points: readonly FoldPoint[];
}

const plotPx = { width: 620, height: 340 };
const margins = { left: 84, right: 36, bottom: 58 };
const legendPx = 30;
const strokes = [colours.train, colours.test];
const percent = (rate: number, digits = 1) => `${(100 * rate).toFixed(digits)} %`;

/**
 * Accuracy by cross-validation as SVG: every fold a dot, mean and one standard deviation beside it, the best setting ringed and named.
 *
 * - `series`: one or two, over the same settings, which stand at even distances
 * - `xTitle`: what the settings are; `note`: a line below the title, default none
 *
 * @example foldChartSvg([{ name: 'pixels', points }], { title: 'Cross-validation', xTitle: 'neighbours k' })
 */
export function foldChartSvg(
  series: readonly FoldSeries[],
  { title, note = '', xTitle }: { title: string; note?: string; xTitle: string },
): string {
  const names = series[0].points.map(({ name }) => name);
  const values = series.flatMap(({ points }) => points.flatMap((p) => [...p.foldAccuracies, p.mean - p.spread, p.mean + p.spread]));
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = Math.max((high - low) * 0.08, 0.005);
  const top = headerHeightPx(note) + legendPx;
  const frame = { x: margins.left, y: top, ...plotPx };
  const bottom = top + plotPx.height;
  const y = scaleLinear([Math.max(0, low - room), Math.min(1, high + room)], [bottom, top]).nice(6);
  const ticks = y.ticks(6);
  const digits = ticks.every((tick) => Number.isInteger(Math.round(tick * 1e6) / 1e4)) ? 0 : 1;
  const xTicks = evenTicks(names, frame);
  const yTicks = ticks.map((tick) => ({ at: y(tick), name: percent(tick, digits) }));
  const parts = [header(margins.left, title, note), ...axes(frame, { xTicks, yTicks, xTitle, yTitle: 'accuracy' })];
  let legendX = margins.left;
  series.forEach(({ name, points }, s) => {
    const colour = strokes[s];
    // Series side by side, so that bars of one do not hide those of the other.
    const shift = series.length > 1 ? (s - 0.5) * 14 : 0;
    const best = points.reduce((a, b) => (b.mean > a.mean ? b : a));
    const xOf = (i: number) => xTicks[i].at + shift;
    parts.push(
      polyline(
        points.map((p, i) => ({ x: xOf(i), y: y(p.mean) })),
        { stroke: colour },
      ),
    );
    points.forEach((p, i) => {
      const x = xOf(i);
      const bar = { stroke: colour, 'stroke-width': 2 };
      parts.push(line(x, y(p.mean - p.spread), x, y(p.mean + p.spread), bar));
      for (const end of [p.mean - p.spread, p.mean + p.spread]) parts.push(line(x - 5, y(end), x + 5, y(end), bar));
      for (const rate of p.foldAccuracies) parts.push(element('circle', { cx: x, cy: y(rate), r: 3, fill: colour, 'fill-opacity': 0.35 }));
      const isBest = p === best;
      parts.push(
        element('circle', {
          cx: x,
          cy: y(p.mean),
          r: isBest ? 6.5 : 4,
          fill: isBest ? colours.paper : colour,
          stroke: colour,
          'stroke-width': isBest ? 3 : 0,
        }),
      );
    });
    const words = `${name}: best at ${best.name}, ${percent(best.mean)} ± ${percent(best.spread)}`;
    parts.push(element('circle', { cx: legendX + 8, cy: top - 18, r: 6, fill: colours.paper, stroke: colour, 'stroke-width': 3 }));
    parts.push(text(legendX + 22, top - 13.5, words, { 'font-size': sizes.small }));
    legendX += 22 + textWidthPx(words, sizes.small) + 28;
  });
  const width = Math.max(
    margins.left + plotPx.width + margins.right,
    legendX,
    margins.left + textWidthPx(note, sizes.body) + margins.right,
  );
  return drawing(width, bottom + margins.bottom, parts);
}
