import { scaleLinear, scaleLog } from 'd3-scale';
import { axes, type Frame, roundTicks } from './axes.ts';
import { textWidthPx } from './render.ts';
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
  /** A place on that axis in words; default: the number. */
  readonly formatX?: (x: number) => string;
  readonly yTitle: string;
  /** Which end of the axis is good: that value is ringed and written in the legend; default: neither. */
  readonly best?: 'min' | 'max';
  /** A place on the horizontal axis that has a line from top to bottom. */
  readonly mark?: { readonly x: number; readonly name: string };
  /** A logarithmic axis where the values span more than a factor of 20. */
  readonly mayBeLogarithmic?: boolean;
  /** Bounds the axis never leaves: curves do, and then it says how far. */
  readonly limits: readonly [number, number];
  /** What the axis spans at least, so that noise does not look like progress; default: as little as the values do. */
  readonly leastSpan?: number;
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
/** Room of a ring, and of a tick's name. */
const dotPx = 7;
const tickPx = 40;
/** Bold letters beside those that are measured. */
const boldWider = 1.15;
/** Curves that leave the frame are drawn no further. */
const farPx = 1e4;

const isFinitePoint = (point: Point): boolean => Number.isFinite(point.x) && Number.isFinite(point.y);

/** The least and the greatest. */
const extent = (values: readonly number[]): [number, number] => [
  values.reduce((a, b) => Math.min(a, b), Infinity),
  values.reduce((a, b) => Math.max(a, b), -Infinity),
];

/** Around a single value. */
const widened = (value: number): number => Math.abs(value) * 0.1 || 1;

/** An interval around values, also if there is only one or none. */
function spread(values: readonly number[], { limits: [low, high], leastSpan = 0 }: Chart): [number, number] {
  if (values.length === 0) return [Math.max(low, 0), Math.min(high, 1)];
  const [min, max] = extent(values);
  const room = (max - min) * 0.05 || widened(max);
  const [from, to] = [Math.max(low, min - room), Math.min(high, max + room)];
  if (to - from >= leastSpan) return [from, to];
  const start = Math.min(high - leastSpan, Math.max(low, (from + to - leastSpan) / 2));
  return [start, start + leastSpan];
}

/** From the first place to the last, with a little room for their dots. */
function xScaleOf(xs: readonly number[], { x, width }: Frame) {
  const [first, last] = xs.length ? extent(xs) : [0, 1];
  const room = first === last ? widened(first) : 0;
  const scale = scaleLinear([first - room, last + room], [x + dotPx, x + width - dotPx]);
  const round = scale.ticks(6).filter((tick) => Number.isInteger(tick) && tick >= first);
  const isFree = Number.isInteger(first) && round.every((tick) => scale(tick) - scale(first) > tickPx);
  return { scale, ticks: isFree ? [first, ...round] : round };
}

function yScaleOf(chart: Chart, values: readonly number[], { y, height }: Frame) {
  const range = [y + height, y];
  const [min, max] = extent(values);
  if (chart.mayBeLogarithmic && min > 0 && max / min > logarithmicFrom) {
    const scale = scaleLog([min / 1.15, max * 1.15], range);
    const crowded = max / min > 1000;
    const ticks = roundTicks(scale.ticks()).filter((tick) => !crowded || tick.toExponential().startsWith('1'));
    return { scale, ticks, logarithmic: true };
  }
  const scale = scaleLinear(spread(values, chart), range).nice(6);
  const [low, high] = scale.domain();
  scale.domain([Math.max(low, chart.limits[0]), Math.min(high, chart.limits[1])]);
  return { scale, ticks: scale.ticks(6), logarithmic: false };
}

function bestOf({ points }: Series, best: Chart['best']): Point | undefined {
  if (!best) return undefined;
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

/** A line from top to bottom, named at its right where there is room: above what falls. */
function markLine(name: string, at: number, { x, y, width, height }: Frame): string[] {
  const nameX = at + 8;
  const isNarrow = nameX + textWidthPx(name, sizes.body) * boldWider > x + width;
  const style = { fill: colours.good, 'font-weight': 'bold', 'text-anchor': isNarrow ? 'end' : undefined };
  return [line(at, y, at, y + height, { stroke: colours.good, 'stroke-width': 2 }), text(isNarrow ? at - 8 : nameX, y + 20, name, style)];
}

/** Elements of which only what lies in the frame is drawn. */
function clipped(children: readonly string[], frame: Frame): string {
  const id = `frame-${frame.x}-${frame.y}`;
  const clip = element('clipPath', { id }, element('rect', { ...frame }));
  return element('defs', {}, clip) + element('g', { 'clip-path': `url(#${id})` }, children.join(''));
}

/** What the legend says of a curve whose axis ends at `highest`. */
function legendWords(
  { name, points }: Series,
  best: Point | undefined,
  { formatX = formatCount, ...chart }: Chart,
  highest: number,
): string {
  const [, max] = extent(points.filter(isFinitePoint).map((p) => p.y));
  if (max === -Infinity) return `${name}: no value`;
  if (best) return `${name}: ${chart.best} ${chart.format(best.y)}${chart.unit} at ${chart.xName} ${formatX(best.x)}`;
  return max > highest ? `${name}, beyond the axis up to ${chart.format(max)}${chart.unit}` : name;
}

/** Draws a chart into a rectangle: SVG elements. */
export function lineChart(chart: Chart, outer: Frame): string {
  const { formatX = formatCount, mark } = chart;
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
  const x = xScaleOf(xs, frame);
  const y = yScaleOf(chart, values, frame);
  const highest = y.scale.domain()[1];
  const parts = [
    text(frame.x, outer.y + 22, chart.title, { 'font-size': sizes.heading, 'font-weight': 'bold' }),
    ...axes(frame, {
      xTicks: x.ticks.map((tick) => ({ at: x.scale(tick), name: formatX(tick) })),
      yTicks: y.ticks.map((tick) => ({ at: y.scale(tick), name: chart.format(tick) })),
      xTitle: chart.xTitle,
      yTitle: chart.yTitle + (y.logarithmic ? ', logarithmic' : ''),
    }),
    ...(mark ? markLine(mark.name, x.scale(mark.x), frame) : []),
  ];
  const curves: string[] = [];
  shown.forEach((series, i) => {
    const best = bestOf(series, chart.best);
    const keyX = frame.x + ((i % legend.columns) * frame.width) / Math.min(shown.length, legend.columns);
    const keyY = outer.y + 43 + legend.rowPx * Math.floor(i / legend.columns);
    const key = { stroke: series.colour, 'stroke-width': 3, 'stroke-dasharray': series.dashed ? dashes : undefined };
    curves.push(...curve(series, best, x.scale, (value) => Math.max(y.scale(value), frame.y - farPx)));
    parts.push(line(keyX, keyY, keyX + 22, keyY, key));
    parts.push(text(keyX + 29, keyY + 4.5, legendWords(series, best, chart, highest), { 'font-size': sizes.small }));
  });
  parts.push(...(values.some((value) => value > highest) ? [clipped(curves, frame)] : curves));

  const lost = points.filter((p) => !Number.isFinite(p.y)).map((p) => p.x);
  if (lost.length) {
    const words = `not finite from ${chart.xName} ${formatX(extent(lost)[0])}`;
    const at = { 'text-anchor': 'end', fill: colours.bad, 'font-weight': 'bold' };
    parts.push(text(frame.x + frame.width - 8, frame.y + 20, words, at));
  } else if (!points.length) {
    parts.push(
      text(frame.x + frame.width / 2, frame.y + frame.height / 2, 'no values yet', { 'text-anchor': 'middle', fill: colours.faint }),
    );
  }
  return parts.join('\n');
}
