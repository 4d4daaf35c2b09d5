import { scaleLinear, scaleLog } from 'd3-scale';
import { axes, evenTicks, roundTicks } from './axes.ts';
import { pictureElement } from './mosaic.ts';
import type { Pixels } from './neighbours.ts';
import { textWidthPx } from './render.ts';
import { element, line, polyline, text } from './svg.ts';
import { colours, drawing, header, headerHeightPx, sizes } from './theme.ts';

/** What training with one λ gave; rates from 0 to 1. */
export interface PenaltyPoint {
  readonly l2: number;
  readonly trainAccuracy: number;
  readonly testAccuracy: number;
  /** Σ W². */
  readonly squaredWeights: number;
  /** One class's weights as a picture. */
  readonly template: Pixels;
}

const edgePx = 24;
const panelPx = { width: 440, height: 300 };
const margins = { top: 58, right: 20, bottom: 52, left: 70 };
const templatePx = 96;
const cellPx = { width: 56, height: 30 };
/** Room for a score of the example. */
const scorePx = 84;

interface Curve {
  readonly name: string;
  readonly colour: string;
  readonly values: readonly number[];
}

interface Panel {
  readonly title: string;
  readonly curves: readonly Curve[];
  readonly format: (value: number) => string;
  readonly isLogarithmic?: boolean;
}

/** One panel over the λs, which stand at even distances: 0 has no place on a logarithmic axis. */
function panel({ title, curves, format, isLogarithmic }: Panel, names: readonly string[], left: number, top: number): string[] {
  const frame = {
    x: left + margins.left,
    y: top + margins.top,
    width: panelPx.width - margins.left - margins.right,
    height: panelPx.height - margins.top - margins.bottom,
  };
  const values = curves.flatMap((curve) => curve.values);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const range = [frame.y + frame.height, frame.y];
  const room = (high - low) * 0.1 || high * 0.1 || 1;
  const y = isLogarithmic ? scaleLog([low / 1.4, high * 1.4], range) : scaleLinear([Math.max(0, low - room), high + room], range).nice(5);
  const ticks = isLogarithmic ? roundTicks(y.ticks(5)) : y.ticks(5);
  const xTicks = evenTicks(names, frame);
  const yTicks = ticks.map((tick) => ({ at: y(tick), name: format(tick) }));
  const parts = [
    text(frame.x, top + 20, title, { 'font-size': sizes.heading, 'font-weight': 'bold' }),
    ...axes(frame, { xTicks, yTicks, xTitle: 'λ' }),
  ];
  curves.forEach(({ name, colour, values: heights }, n) => {
    const points = heights.map((value, i) => ({ x: xTicks[i].at, y: y(value) }));
    parts.push(polyline(points, { stroke: colour }));
    for (const point of points) parts.push(element('circle', { cx: point.x, cy: point.y, r: 4, fill: colour }));
    const legendX = frame.x + n * 120;
    parts.push(line(legendX, top + 40, legendX + 22, top + 40, { stroke: colour, 'stroke-width': 3 }));
    parts.push(text(legendX + 29, top + 44.5, name, { 'font-size': sizes.small }));
  });
  return parts;
}

/** A vector as a row of cells. */
function vector(x: number, y: number, name: string, numbers: readonly number[]): string[] {
  const parts = [text(x - 10, y + 20, name, { 'text-anchor': 'end' })];
  numbers.forEach((value, i) => {
    const at = { x: x + i * cellPx.width, y, ...cellPx };
    const shade = scaleLinear<string>([0, 1], [colours.paper, '#c6dcee'])(value);
    parts.push(element('rect', { ...at, fill: shade, stroke: colours.axis }));
    parts.push(text(at.x + cellPx.width / 2, y + 20, `${value}`, { 'text-anchor': 'middle' }));
  });
  return parts;
}

/** The course's two weight vectors that score one picture alike. */
export const penaltyExample = {
  x: [1, 1, 1, 1],
  weights: [
    [1, 0, 0, 0],
    [0.25, 0.25, 0.25, 0.25],
  ],
} as const;

function example(top: number): string[] {
  const left = edgePx + 70;
  const { x, weights } = penaltyExample;
  const right = left + x.length * cellPx.width + 24;
  const parts = [
    text(edgePx, top + 16, 'Equal scores, different R(W): which of two weight vectors the penalty prefers', {
      'font-size': sizes.heading,
      'font-weight': 'bold',
    }),
    ...vector(left, top + 34, 'x', x),
  ];
  weights.forEach((w, i) => {
    const y = top + 34 + (i + 1) * (cellPx.height + 12);
    const score = w.reduce<number>((sum, value, j) => sum + value * x[j], 0);
    const squares = w.reduce<number>((sum, value) => sum + value * value, 0);
    parts.push(...vector(left, y, `w${'₁₂'[i]}`, w));
    parts.push(text(right, y + 20, `w${'₁₂'[i]}·x = ${score}`));
    const sum = `R(w${'₁₂'[i]}) = ${w.map((value) => `${value}²`).join(' + ')} = ${squares}`;
    parts.push(text(right + scorePx, y + 20, sum));
    const after = right + scorePx + textWidthPx(sum, sizes.body) + 16;
    if (i === 1) parts.push(text(after, y + 20, '← preferred: it looks at all of x', { fill: colours.good }));
  });
  return parts;
}

/**
 * What the penalty λ·Σ W² does, as SVG: accuracy and Σ W² for several λ, how one class's weights change, and the course's example.
 *
 * - `points`: by λ from the smallest; two or more
 * - `className`: whose weights the templates are
 *
 * @example await penaltySvg(points, { title: 'Effect of λ', note: '', className: 'horse' })
 */
export async function penaltySvg(
  points: readonly PenaltyPoint[],
  { title, note, className }: { title: string; note: string; className: string },
): Promise<string> {
  const names = points.map(({ l2 }) => `${l2}`);
  const top = headerHeightPx(note);
  const percent = (value: number) => `${Number((100 * value).toFixed(1))} %`;
  const accuracy: Panel = {
    title: 'Accuracy',
    format: percent,
    curves: [
      { name: 'training', colour: colours.train, values: points.map((p) => p.trainAccuracy) },
      { name: 'test', colour: colours.test, values: points.map((p) => p.testAccuracy) },
    ],
  };
  const size: Panel = {
    title: 'R(W) = Σ W²',
    format: (value) => `${Number(value.toPrecision(2))}`,
    isLogarithmic: true,
    curves: [{ name: 'Σ W², on a logarithmic axis', colour: colours.ink, values: points.map((p) => p.squaredWeights) }],
  };
  const rowTop = top + panelPx.height + 22;
  const step = Math.max(templatePx + 24, Math.min(160, (2 * panelPx.width) / points.length));
  const templates = await Promise.all(
    points.map(async ({ l2, template }, i) => {
      const x = edgePx + i * step;
      const caption = text(x + templatePx / 2, rowTop + 30 + templatePx + 16, `λ = ${l2}`, {
        'text-anchor': 'middle',
        'font-size': sizes.small,
      });
      return (await pictureElement(template, x, rowTop + 30, templatePx)) + caption;
    }),
  );
  const exampleTop = rowTop + 30 + templatePx + 48;
  const parts = [
    header(edgePx, title, note),
    ...panel(accuracy, names, edgePx - 20, top),
    ...panel(size, names, edgePx - 20 + panelPx.width, top),
    text(edgePx, rowTop + 16, `The weights of ${className}`, { 'font-size': sizes.heading, 'font-weight': 'bold' }),
    ...templates,
    ...example(exampleTop),
  ];
  const width = Math.max(2 * panelPx.width + edgePx, edgePx + points.length * step, 980);
  return drawing(width, exampleTop + 34 + 3 * (cellPx.height + 12) + 12, parts);
}
