import { element, line, text } from './svg.ts';
import { colours, sizes } from './theme.ts';

/** A rectangle of a drawing, in px. */
export interface Frame {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A marked place of an axis. */
export interface Tick {
  /** Of the drawing, in px. */
  readonly at: number;
  readonly name: string;
}

export interface Axes {
  readonly xTicks: readonly Tick[];
  readonly yTicks: readonly Tick[];
  readonly xTitle: string;
  readonly yTitle?: string;
}

/** Names at even distances: for settings that have no scale. */
export const evenTicks = (names: readonly string[], { x, width }: Frame): Tick[] =>
  names.map((name, i) => ({ at: x + ((i + 0.5) * width) / names.length, name }));

/** Of the ticks of a logarithmic scale those at 1, 2 and 5 times a power of ten; all where values differ too little for two of these. */
export function roundTicks(ticks: readonly number[]): readonly number[] {
  const round = ticks.filter((tick) => /^[125]/.test(tick.toExponential()));
  return round.length > 1 ? round : ticks;
}

/** A panel's ground with its grid, ticks and titles, which stand outside of the frame: 54 px below, and up to 70 px to its left. */
export function axes(frame: Frame, { xTicks, yTicks, xTitle, yTitle }: Axes): string[] {
  const bottom = frame.y + frame.height;
  const right = frame.x + frame.width;
  const tickText = { fill: colours.faint, 'font-size': sizes.small };
  const centred = { 'text-anchor': 'middle' };
  return [
    element('rect', { ...frame, fill: colours.panel }),
    ...yTicks.flatMap(({ at, name }) => [
      line(frame.x, at, right, at, { stroke: colours.grid }),
      text(frame.x - 8, at + 4.5, name, { ...tickText, 'text-anchor': 'end' }),
    ]),
    ...xTicks.flatMap(({ at, name }) => [
      line(at, bottom, at, bottom + 5, { stroke: colours.axis }),
      text(at, bottom + 20, name, { ...tickText, ...centred }),
    ]),
    line(frame.x, bottom, right, bottom, { stroke: colours.axis }),
    text(frame.x + frame.width / 2, bottom + 44, xTitle, centred),
    ...(yTitle
      ? [text(0, 0, yTitle, { ...centred, transform: `translate(${frame.x - 60} ${frame.y + frame.height / 2}) rotate(-90)` })]
      : []),
  ];
}
