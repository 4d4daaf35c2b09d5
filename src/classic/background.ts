import type { Shape } from '../core/shape.ts';
import { type Rows, rowCountOf } from './rows.ts';

/** A mean colour: one level for grey pictures, three for others, 0 to 255. */
export type BorderColour = readonly number[];

/** Width of the frame that counts as background, as a share of the side. */
const frameShare = 1 / 8;
/** Levels below which a lead explains nothing. */
const leastLead = 16;

/**
 * The mean colour of each picture's border, which is background in most pictures of one thing.
 *
 * **Shapes**: rows of levels `[n, C·H·W]`; one colour of C levels for each.
 */
export function borderColours({ data, width: size }: Rows, [channels, height, width]: Shape): BorderColour[] {
  const frame = Math.max(1, Math.round(Math.min(height, width) * frameShare));
  const places = Array.from({ length: height * width }, (_, i) => i).filter((i) => {
    const [y, x] = [Math.floor(i / width), i % width];
    return y < frame || x < frame || y >= height - frame || x >= width - frame;
  });
  return Array.from({ length: rowCountOf({ data, width: size }) }, (_, n) =>
    Array.from({ length: channels }, (_, c) => {
      const plane = n * size + c * height * width;
      return places.reduce((sum, i) => sum + data[plane + i], 0) / places.length;
    }),
  );
}

export const meanColour = (colours: readonly BorderColour[]): BorderColour =>
  (colours[0] ?? []).map((_, c) => colours.reduce((sum, colour) => sum + colour[c], 0) / colours.length);

export const colourDistance = (a: BorderColour, b: BorderColour): number => Math.hypot(...a.map((level, c) => level - b[c]));

/** A wrong guess and the colours of the backgrounds around it. */
export interface BackgroundCase {
  readonly query: number;
  readonly own: BorderColour;
  /** Mean over the neighbours that voted. */
  readonly neighbours: BorderColour;
  /** Mean over the training pictures of the query's true class. */
  readonly truth: BorderColour;
  /** How much nearer the neighbours' background is than the true class's, in levels. */
  readonly lead: number;
}

/**
 * Wrong guesses that the background explains: its colour is that of the neighbours that voted, and not that of the class the picture is of.
 *
 *     lead = |own − truth| − |own − neighbours|
 *
 * The largest lead comes first; only leads of 16 levels or more count, and guesses with at least half of the votes.
 *
 * - `queryColours`, `rowColours` of `borderColours`; `neighboursOf` the rows that voted; `guesses` with the share of the votes of each
 */
export function decidedByBackground(options: {
  queryColours: readonly BorderColour[];
  rowColours: readonly BorderColour[];
  labels: ArrayLike<number>;
  rowLabels: ArrayLike<number>;
  guesses: ArrayLike<number>;
  shareOf: (query: number) => number;
  neighboursOf: (query: number) => ArrayLike<number>;
}): BackgroundCase[] {
  const { queryColours, rowColours, labels, rowLabels, guesses, shareOf, neighboursOf } = options;
  const byClass = new Map<number, BorderColour[]>();
  rowColours.forEach((colour, row) => {
    const list = byClass.get(rowLabels[row]);
    if (list) list.push(colour);
    else byClass.set(rowLabels[row], [colour]);
  });
  const means = new Map([...byClass].map(([label, colours]) => [label, meanColour(colours)]));
  return queryColours
    .flatMap((own, query) => {
      const truth = means.get(labels[query]);
      if (guesses[query] === labels[query] || shareOf(query) < 0.5 || !truth) return [];
      const neighbours = meanColour(Array.from(neighboursOf(query), (row) => rowColours[row]));
      return [{ query, own, neighbours, truth, lead: colourDistance(own, truth) - colourDistance(own, neighbours) }];
    })
    .filter(({ lead }) => lead >= leastLead)
    .sort((a, b) => b.lead - a.lead);
}
