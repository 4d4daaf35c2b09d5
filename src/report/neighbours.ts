import { legible } from './fonts.ts';
import { pictureElement } from './mosaic.ts';
import { textWidthPx } from './render.ts';
import { element, ellipsis, line, text } from './svg.ts';
import { colours, drawing, header, headerHeightPx, sizes } from './theme.ts';

/** Grey or RGB, row by row. */
export interface Pixels {
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
}

export interface NeighbourTile extends Pixels {
  readonly className: string;
  /** Of the query's class. */
  readonly isRight: boolean;
  /** False for one that is shown but too far to vote. */
  readonly votes: boolean;
}

/** What one kind of features made of a query. */
export interface NeighbourView {
  readonly name: string;
  readonly guess: string;
  readonly isRight: boolean;
  readonly neighbours: readonly NeighbourTile[];
  /** By class, the most first. */
  readonly votes: readonly { readonly className: string; readonly count: number }[];
}

export interface NeighbourCase {
  readonly query: Pixels;
  readonly truth: string;
  /** Colours worth comparing, `#rrggbb`. */
  readonly swatches: readonly { readonly name: string; readonly fill: string }[];
  readonly views: readonly NeighbourView[];
}

const edgePx = 24;
const queryPx = 96;
const swatchPx = 20;
const tilePx = 64;
const gapPx = 8;
const captionPx = 18;
const headPx = 22;
const viewPx = headPx + tilePx + captionPx + 8;
const columnGapPx = 26;
const bar = { left: 8, height: 13, step: 19, length: 90, rows: 4 };
/** Places of a name. */
const longest = { guess: 24, swatch: 24, vote: 14 } as const;
const verdict = (isRight: boolean) => colours[isRight ? 'good' : 'bad'];

async function drawView(view: NeighbourView, x: number, y: number, barsX: number): Promise<string[]> {
  const head = { 'font-size': sizes.small, 'font-weight': 'bold', fill: verdict(view.isRight) };
  const parts = [text(x, y + 14, `${view.name}: ${cut(view.guess, 'guess')}${view.isRight ? ', right' : ', wrong'}`, head)];
  for (const [i, tile] of view.neighbours.entries()) {
    const tileX = x + i * (tilePx + gapPx);
    const tileY = y + headPx;
    const fill = verdict(tile.isRight);
    const caption = { 'text-anchor': 'middle', 'font-size': 10.5, fill };
    const drawn = [
      await pictureElement(tile, tileX, tileY, tilePx),
      element('rect', { x: tileX, y: tileY, width: tilePx, height: tilePx, fill: 'none', stroke: fill, 'stroke-width': 2 }),
      text(tileX + tilePx / 2, tileY + tilePx + 13, fitting(tile.className, tilePx + 1, 10.5), caption),
    ];
    parts.push(element('g', { opacity: tile.votes ? undefined : 0.35 }, drawn.join('')));
  }
  const most = view.votes.reduce((sum, { count }) => Math.max(sum, count), 1);
  const fits = view.votes.length <= bar.rows;
  const rows = view.votes.slice(0, fits ? bar.rows : bar.rows - 1);
  const others = view.votes.slice(rows.length);
  rows.forEach(({ className, count }, i) => {
    const barY = y + headPx + i * bar.step;
    const isGuess = className === view.guess;
    const style = { 'font-size': sizes.small, 'font-weight': isGuess ? 'bold' : undefined };
    parts.push(text(barsX - bar.left, barY + 10.5, cut(className, 'vote'), { ...style, 'text-anchor': 'end' }));
    const length = (bar.length * count) / most;
    const fill = isGuess ? verdict(view.isRight) : colours.axis;
    parts.push(element('rect', { x: barsX, y: barY, width: length, height: bar.height, fill }));
    parts.push(text(barsX + length + 5, barY + 10.5, `${count}`, style));
  });
  if (others.length) {
    // No bar: a sum beside single classes would look like the winner.
    const [textY, style] = [y + headPx + rows.length * bar.step + 10.5, { 'font-size': sizes.small, fill: colours.faint }];
    parts.push(text(barsX - bar.left, textY, `${others.length} others`, { ...style, 'text-anchor': 'end' }));
    parts.push(text(barsX + 5, textY, `${others.reduce((sum, { count }) => sum + count, 0)}`, style));
  }
  return parts;
}

/** Names as they will be drawn, so that none takes more room than there is. */
const cut = (name: string, place: keyof typeof longest): string => ellipsis(legible(name), longest[place]);

/** As much of a name as there is room for. */
function fitting(name: string, roomPx: number, sizePx: number): string {
  const drawn = legible(name);
  // To measure is slow: begin with as many as there could be, were all as narrow as an i.
  for (let places = Math.ceil((4 * roomPx) / sizePx); places > 1; places--) {
    const words = ellipsis(drawn, places);
    if (textWidthPx(words, sizePx) <= roomPx) return words;
  }
  return '…';
}

/**
 * Queries with their nearest neighbours and the votes, one below the other, as SVG. Green is the query's own class, red another; those too far to
 * vote are pale.
 *
 * - `cases`: any number; instead of none stands `whenNone`, default "nothing to show". All have the same views, in the same order.
 *
 * **Throws** `DataError` for a picture whose pixels are not those of its size.
 *
 * @example await neighboursSvg(cases, { title: 'Where the background decided', note: '8 of 1301 wrong guesses' })
 */
export async function neighboursSvg(
  cases: readonly NeighbourCase[],
  { title, note, whenNone = 'nothing to show' }: { title: string; note: string; whenNone?: string },
): Promise<string> {
  const across = cases.reduce((most, { views }) => views.reduce((a, { neighbours }) => Math.max(a, neighbours.length), most), 0);
  const swatchNames = cases.flatMap(({ swatches }) => swatches.map(({ name }) => textWidthPx(cut(name, 'swatch'), sizes.small)));
  const swatchesX = edgePx + queryPx + 14;
  const tilesX = swatchesX + swatchPx + 8 + Math.max(0, ...swatchNames) + columnGapPx;
  const voteNames = cases.flatMap(({ views }) => views.flatMap(({ votes }) => votes.map(({ className }) => cut(className, 'vote'))));
  const widestVote = Math.max(0, ...[...new Set(voteNames)].map((name) => textWidthPx(name, sizes.small) * 1.12));
  const barsX = tilesX + across * (tilePx + gapPx) - gapPx + columnGapPx + widestVote + bar.left;
  let y = headerHeightPx(note) + 4;
  const right = Math.max(barsX + bar.length + 34, edgePx + textWidthPx(note, sizes.body), edgePx + textWidthPx(title, sizes.title) * 1.15);
  const parts = [header(edgePx, title, note)];
  for (const [i, one] of cases.entries()) {
    if (i > 0) parts.push(line(edgePx, y - 8, right, y - 8, { stroke: colours.grid }));
    const height = Math.max(one.views.length * viewPx, headPx + queryPx + 12);
    parts.push(text(edgePx, y + 14, fitting(one.truth, queryPx * 0.95, sizes.small), { 'font-size': sizes.small, 'font-weight': 'bold' }));
    parts.push(await pictureElement(one.query, edgePx, y + headPx, queryPx));
    if (one.swatches.length) parts.push(text(swatchesX, y + 14, 'mean border', { 'font-size': sizes.small, fill: colours.faint }));
    one.swatches.forEach(({ name, fill }, n) => {
      const at = y + headPx + n * (swatchPx + 12);
      parts.push(
        element('rect', { x: swatchesX, y: at, width: swatchPx, height: swatchPx, fill, stroke: colours.axis, 'stroke-width': 0.5 }),
      );
      parts.push(text(swatchesX + swatchPx + 8, at + 14.5, cut(name, 'swatch'), { 'font-size': sizes.small, fill: colours.faint }));
    });
    for (const [v, view] of one.views.entries()) parts.push(...(await drawView(view, tilesX, y + v * viewPx, barsX)));
    y += height + 16;
  }
  if (cases.length === 0) {
    parts.push(text(edgePx, y + 20, whenNone, { fill: colours.faint }));
    y += 48;
  }
  return drawing(Math.max(right + edgePx, 360), y, parts);
}
