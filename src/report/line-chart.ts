import { scaleLinear, scaleLog } from 'd3-scale';
import { axes, type Frame, roundTicks } from './axes.ts';
import { element, formatCount, line, polyline, text } from './svg.ts';
import { colours, sizes } from './theme.ts';

export interface Point {
  readonly x: number;
  /** Not finite where there is no value: the line has a gap. */
  readonly y: number;
}

export interface Series {
  readonly name: string;
  readonly colour: string;
  /** Drawn with gaps, where colours alone do not tell curves apart. */
  readonly dashed?: boolean;
  readonly points: readonly Point[];
}

/** One panel: curves over a common axis. */
export interface Chart {
  readonly title: string;
  readonly xTitle: string;
  /** What the legend calls a place on that axis. */
  readonly xName: string;
  /** A place on that axis in words; default: the number, of which only those from 0 are marked. */
  readonly formatX?: (x: number) => string;
  readonly yTitle: string;
  /** Which end of the axis is good: that value is marked and written in the legend. */
  readonly best: 'min' | 'max';
  /** A logarithmic axis where the values span more than a factor of 20. */
  readonly mayBeLogarithmic?: boolean;
  /** Bounds the axis never leaves. */
  readonly limits: readonly [number, number];
  readonly format: (value: number) => string;
  /** Follows a value in the legend. */
  readonly unit: string;
  readonly series: readonly Series[];
}

/** A loss in three digits, with an exponent where zeros would fill the margin: `0.0356`, `6.46e8`. */
export const formatLoss = (value: number): string => {
  const short = Number(value.toPrecision(3));
  return Math.abs(short) >= 1e5 ? short.toExponential().replace('+', '') : `${short}`;
};

const margins = { top: 64, right: 20, bottom: 54, left: 74 };
const legend = { columns: 2, rowPx: 20 };
const dashes = '7 4';
/** With more points than this a dot on each would hide the line. */
const dottedUpTo = 40;
const logarithmicFrom = 20;

const isFinitePoint = (point: Point): boolean => Number.isFinite(point.x) && Number.isFinite(point.y);

/** An interval around values, also if there is only one or none. */
function spread(values: readonly number[], [low, high]: readonly [number, number]): [number, number] {
  if (values.length === 0) return [Math.max(low, 0), Math.min(high, 1)];
  const min = values.reduce((a, b) => Math.min(a, b));
  const max = values.reduce((a, b) => Math.max(a, b));
  const room = (max - min) * 0.05 || Math.abs(max) * 0.1 || 1;
  return [Math.max(low, min - room), Math.min(high, max + room)];
}

function yScaleOf(chart: Chart, values: readonly number[], { y, height }: Frame) {
  const range = [y + height, y];
  const min = values.reduce((a, b) => Math.min(a, b), Infinity);
  const max = values.reduce((a, b) => Math.max(a, b), -Infinity);
  if (chart.mayBeLogarithmic && min > 0 && max / min > logarithmicFrom) {
    const scale = scaleLog([min / 1.15, max * 1.15], range);
    const crowded = max / min > 1000;
    const ticks = roundTicks(scale.ticks()).filter((tick) => !crowded || tick.toExponential().startsWith('1'));
    return { scale, ticks, logarithmic: true };
  }
  const scale = scaleLinear(spread(values, chart.limits), range).nice(6);
  const [low, high] = scale.domain();
  scale.domain([Math.max(low, chart.limits[0]), Math.min(high, chart.limits[1])]);
  return { scale, ticks: scale.ticks(6), logarithmic: false };
}

function bestOf({ points }: Series, best: Chart['best']): Point | undefined {
  const better = best === 'min' ? (a: Point, b: Point) => b.y < a.y : (a: Point, b: Point) => b.y > a.y;
  return points.filter(isFinitePoint).reduce<Point | undefined>((a, b) => (!a || better(a, b) ? b : a), undefined);
}

/** One curve, its best value marked. */
function curve(
  { colour, dashed, points }: Series,
  best: Point | undefined,
  x: (value: number) => number,
  y: (value: number) => number,
): string[] {
  const dots = points.length <= dottedUpTo ? points.filter(isFinitePoint) : [];
  const ring = { r: 5, fill: colours.paper, stroke: colour, 'stroke-width': 2.5 };
  return [
    polyline(
      points.map((p) => ({ x: x(p.x), y: y(p.y) })),
      { stroke: colour, 'stroke-dasharray': dashed ? dashes : undefined },
    ),
    ...dots.map((p) => element('circle', { cx: x(p.x), cy: y(p.y), r: 2.5, fill: colour })),
    ...(best ? [element('circle', { cx: x(best.x), cy: y(best.y), ...ring })] : []),
  ];
}

/** Draws a chart into a rectangle: SVG elements. */
export function lineChart(chart: Chart, outer: Frame): string {
  const { formatX = formatCount } = chart;
  const shown = chart.series.filter((series) => series.points.length > 0);
  const top = margins.top + legend.rowPx * Math.max(0, Math.ceil(shown.length / legend.columns) - 1);
  const frame: Frame = {
    x: outer.x + margins.left,
    y: outer.y + top,
    width: outer.width - margins.left - margins.right,
    height: outer.height - top - margins.bottom,
  };
  const points = chart.series.flatMap((series) => series.points);
  const values = points.filter(isFinitePoint).map((p) => p.y);
  const xs = points.map((p) => p.x).filter(Number.isFinite);
  const xScale = scaleLinear(spread(xs, [-Infinity, Infinity]), [frame.x, frame.x + frame.width]);
  const y = yScaleOf(chart, values, frame);
  const xTicks = xScale.ticks(6).filter((tick) => Number.isInteger(tick) && (chart.formatX || tick >= 0));
  const parts = [
    text(frame.x, outer.y + 22, chart.title, { 'font-size': sizes.heading, 'font-weight': 'bold' }),
    ...axes(frame, {
      xTicks: xTicks.map((tick) => ({ at: xScale(tick), name: formatX(tick) })),
      yTicks: y.ticks.map((tick) => ({ at: y.scale(tick), name: chart.format(tick) })),
      xTitle: chart.xTitle,
      yTitle: chart.yTitle + (y.logarithmic ? ', logarithmic' : ''),
    }),
  ];
  shown.forEach((series, i) => {
    const best = bestOf(series, chart.best);
    const x = frame.x + ((i % legend.columns) * frame.width) / Math.min(shown.length, legend.columns);
    const legendY = outer.y + 43 + legend.rowPx * Math.floor(i / legend.columns);
    const key = { stroke: series.colour, 'stroke-width': 3, 'stroke-dasharray': series.dashed ? dashes : undefined };
    const value = best && `${chart.best} ${chart.format(best.y)}${chart.unit} at ${chart.xName} ${formatX(best.x)}`;
    parts.push(...curve(series, best, xScale, y.scale));
    parts.push(line(x, legendY, x + 22, legendY, key));
    parts.push(text(x + 29, legendY + 4.5, `${series.name}: ${value ?? 'no value'}`, { 'font-size': sizes.small }));
  });

  const lost = points.filter((p) => !Number.isFinite(p.y)).map((p) => p.x);
  if (lost.length) {
    const words = `not finite from ${chart.xName} ${formatX(lost.reduce((a, b) => Math.min(a, b)))}`;
    const at = { 'text-anchor': 'end', fill: colours.bad, 'font-weight': 'bold' };
    parts.push(text(frame.x + frame.width - 8, frame.y + 20, words, at));
  } else if (!points.length) {
    parts.push(
      text(frame.x + frame.width / 2, frame.y + frame.height / 2, 'no values yet', { 'text-anchor': 'middle', fill: colours.faint }),
    );
  }
  return parts.join('\n');
}
