import { interpolateLab } from 'd3-interpolate';
import { scaleLinear } from 'd3-scale';
import { ShapeError } from '../core/errors.ts';
import { legible } from './fonts.ts';
import { textWidthPx } from './render.ts';
import { element, ellipsis, formatCount, line, text } from './svg.ts';
import { colours, drawing, header, headerHeightPx, sizes } from './theme.ts';

/** Lightness falls evenly along a ramp (interpolated in CIELAB), so twice as dark means twice as many. */
const ramps = { right: ['#f2f7fc', '#6aaed6', '#08306b'], wrong: ['#fff4e8', '#fd8d3c', '#7f2704'] } as const;
const edgePx = 24;
/** The matrix is about this wide; cells shrink with the number of classes down to where a name can still be read. */
const matrixPx = 660;
const cellLimitsPx = [10, 96] as const;
const labelLimitsPx = [8, 13] as const;
const longestLabel = 24;
const barPx = { width: 14, height: 150, gap: 50 };

const clamp = (value: number, [low, high]: readonly [number, number]): number => Math.min(high, Math.max(low, value));
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
/** A part as a percentage, with a digit behind the point where it takes one: without it a row may add up to 101. */
function percent(rate: number): string {
  const tenths = Math.round(1000 * rate);
  if (tenths === 0 && rate > 0) return '<0.1';
  return tenths === 1000 && rate < 1 ? '>99.9' : `${tenths / 10}`;
}

interface Shade {
  fill: string;
  ink: string;
}
function shader(ramp: readonly string[], largest: number): (value: number) => Shade {
  const colour = scaleLinear<string>([0, 0.5, 1], ramp).interpolate(interpolateLab);
  return (value) => {
    const level = largest > 0 ? value / largest : 0;
    return { fill: colour(level), ink: level > 0.55 ? '#ffffff' : colours.ink };
  };
}

/** A bar that explains a ramp: its colours from 0 to the largest value. */
function colourBar(x: number, y: number, height: number, name: string, ramp: readonly string[], largest: string): string {
  const id = `ramp-${name}`;
  const shade = scaleLinear<string>([0, 0.5, 1], ramp).interpolate(interpolateLab);
  const stops = Array.from({ length: 11 }, (_, i) => element('stop', { offset: i / 10, 'stop-color': shade(1 - i / 10) }));
  const small = { 'font-size': sizes.small, fill: colours.faint };
  return [
    element('defs', {}, element('linearGradient', { id, x1: 0, y1: 0, x2: 0, y2: 1 }, stops.join(''))),
    text(x, y - 10, name, { 'font-size': sizes.small, 'font-weight': 'bold' }),
    element('rect', { x, y, width: barPx.width, height, fill: `url(#${id})`, stroke: colours.grid }),
    text(x + barPx.width + 7, y + 10, largest, small),
    text(x + barPx.width + 7, y + height, '0', small),
  ].join('');
}

/** Where everything lies, in px. */
interface Layout {
  left: number;
  top: number;
  cell: number;
  side: number;
  labels: readonly string[];
  labelPx: number;
  /** Labels above the columns stand upright. */
  rotated: boolean;
}

function layoutOf(classes: readonly string[], headerPx: number): Layout {
  const cell = clamp(matrixPx / classes.length, cellLimitsPx);
  const labelPx = clamp(cell * 0.8, labelLimitsPx);
  const labels = classes.map((name) => ellipsis(legible(name), longestLabel));
  const widest = labels.reduce((most, label) => Math.max(most, textWidthPx(label, labelPx)), 0);
  const rotated = widest > cell - 4;
  const left = edgePx + 26 + widest + 8;
  const top = headerPx + 30 + (rotated ? widest : labelPx) + 8;
  return { left, top, cell, side: cell * classes.length, labels, labelPx, rotated };
}

function axes({ left, top, cell, side, labels, labelPx, rotated }: Layout, headerPx: number): string[] {
  const font = { 'font-size': labelPx };
  const grid = { stroke: colours.grid, 'stroke-width': cell > 16 ? 1 : 0.5 };
  const title = { 'text-anchor': 'middle', 'font-size': sizes.heading, 'font-weight': 'bold' };
  const parts = [
    text(left + side / 2, headerPx + 16, 'guess', title),
    text(0, 0, 'truth', { ...title, transform: `translate(${edgePx + 14} ${top + side / 2}) rotate(-90)` }),
  ];
  labels.forEach((label, i) => {
    const middle = i * cell + cell / 2;
    const baseline = middle + labelPx * 0.36;
    parts.push(text(left - 8, top + baseline, label, { ...font, 'text-anchor': 'end' }));
    if (rotated) parts.push(text(0, 0, label, { ...font, transform: `translate(${left + baseline} ${top - 8}) rotate(-90)` }));
    else parts.push(text(left + middle, top - 8, label, { ...font, 'text-anchor': 'middle' }));
  });
  for (let at = 0; at <= labels.length; at++) {
    parts.push(line(left, top + at * cell, left + side, top + at * cell, grid));
    parts.push(line(left + at * cell, top, left + at * cell, top + side, grid));
  }
  return parts;
}

function cells(
  values: readonly (readonly number[])[],
  { left, top, cell }: Layout,
  shades: Record<'right' | 'wrong', (value: number) => Shade>,
  format: (value: number) => string,
): string[] {
  const size = Math.min(sizes.body, cell * 0.36);
  const numbered = cell >= 24 && values.flat().every((value) => textWidthPx(format(value), size) <= cell - 4);
  return values.flatMap((row, i) =>
    row.map((value, j) => {
      if (value === 0) return '';
      const { fill, ink } = shades[i === j ? 'right' : 'wrong'](value);
      const [x, y] = [left + j * cell, top + i * cell];
      const number = { 'text-anchor': 'middle', 'font-size': size, fill: ink };
      const words = numbered ? text(x + cell / 2, y + cell / 2 + size * 0.36, format(value), number) : '';
      return element('rect', { x, y, width: cell, height: cell, fill }) + words;
    }),
  );
}

/**
 * A confusion matrix as SVG: rows are the truth, columns the guess; right guesses in blue, wrong ones in orange on a scale of their own,
 * so that the few errors of a good network show.
 *
 * - `counts`: `counts[truth][guess]`, square; 2 to about 120 classes.
 * - `classes`: names by index. Cut to 24 characters.
 * - `normalise`: show each cell as percent of its row. Default false.
 *
 * Numbers are left out where cells get too small for them.
 *
 * **Throws** `ShapeError` if the counts are not one row and one column for each class.
 *
 * @example confusionMatrixSvg(counts, classes, { normalise: true })
 */
export function confusionMatrixSvg(
  counts: readonly ArrayLike<number>[],
  classes: readonly string[],
  { title = 'Confusion matrix', normalise = false }: { title?: string; normalise?: boolean } = {},
): string {
  const n = classes.length;
  const rows = counts.map((row) => Array.from(row));
  if (rows.length !== n || rows.some((row) => row.length !== n))
    throw new ShapeError({
      where: 'confusion matrix',
      expected: `${n} × ${n} counts for ${n} classes`,
      got: `${rows.length} rows of ${[...new Set(rows.map((row) => row.length))].join(' or ') || 'nothing'}`,
    });
  const rowSums = rows.map(sum);
  const total = sum(rowSums);
  const right = sum(rows.map((row, i) => row[i]));
  const values = normalise ? rows.map((row, i) => row.map((count) => (rowSums[i] ? count / rowSums[i] : 0))) : rows;
  const format = normalise ? percent : formatCount;
  const largest = {
    right: normalise ? 1 : values.reduce((most, row, i) => Math.max(most, row[i]), 0),
    wrong: values.reduce((most, row, i) => row.reduce((a, v, j) => (i === j ? a : Math.max(a, v)), most), 0),
  };
  const shades = { right: shader(ramps.right, largest.right), wrong: shader(ramps.wrong, largest.wrong) };

  const accuracy = total ? `${((100 * right) / total).toFixed(2)} % right` : 'no pictures';
  const note = `${formatCount(total)} pictures, ${accuracy}${normalise ? '; percent of each row' : ''}`;
  const headerPx = headerHeightPx(note);
  const layout = layoutOf(classes, headerPx);
  const { left, top, side } = layout;
  const barX = left + side + 24;
  const barHeight = Math.min(barPx.height, (side - barPx.gap) / 2 - 18);
  const kinds = (['right', 'wrong'] as const).filter((kind) => largest[kind] > 0);
  const bars = kinds.map((kind, i) => {
    const words = `${format(largest[kind])}${normalise ? ' %' : ''}`;
    return colourBar(barX, top + 18 + i * (barHeight + barPx.gap), barHeight, kind, ramps[kind], words);
  });
  const width = Math.max(barX + 96, edgePx + textWidthPx(title, sizes.title) * 1.1 + edgePx, 420);
  const parts = [header(edgePx, title, note), ...cells(values, layout, shades, format), ...axes(layout, headerPx), ...bars];
  return drawing(width, top + side + edgePx, parts);
}
