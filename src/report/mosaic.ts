import sharp from 'sharp';
import { checkPixels } from '../data/check-pixels.ts';
import { legible } from './fonts.ts';
import { textWidthPx } from './render.ts';
import { element, ellipsis, text } from './svg.ts';
import { colours, drawing, header, headerHeightPx, sizes } from './theme.ts';

/** A picture with one or more lines below it. */
export interface Tile {
  /** Grey or RGB, row by row: `width · height` or three times as many bytes. */
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** Lines, each cut to 24 characters. */
  readonly caption: string;
  /** Of the caption. */
  readonly colour?: 'good' | 'bad';
}

const edgePx = 24;
const gapPx = 14;
const captionPx = 10;
const linePx = 16;
const longestCaption = 24;
/** Density at which pictures larger than their tile are kept, for screens with two pixels per px. */
const density = 2;

/**
 * The picture as PNG in the drawing: whole-number enlargement keeps pixels square, larger pictures are reduced first.
 *
 * **Throws** `DataError` if the pixels are not those of its size, grey or RGB.
 */
export async function pictureElement(
  { pixels, width, height }: Omit<Tile, 'caption'>,
  x: number,
  y: number,
  sidePx: number,
): Promise<string> {
  checkPixels('tile', { width, height }, pixels.length, [1, 3]);
  const channels = pixels.length === 3 * width * height ? 3 : 1;
  const most = sidePx * density;
  const png = await sharp(pixels, { raw: { width, height, channels } })
    .resize({ width: most, height: most, fit: 'inside', withoutEnlargement: true })
    .png()
    .toBuffer();
  const scale = sidePx / Math.max(width, height);
  const drawn = { width: width * scale, height: height * scale };
  return element('image', {
    x: x + (sidePx - drawn.width) / 2,
    y: y + (sidePx - drawn.height) / 2,
    ...drawn,
    href: `data:image/png;base64,${png.toString('base64')}`,
    'image-rendering': scale > 1 ? 'optimizeSpeed' : undefined,
    preserveAspectRatio: 'none',
  });
}

/** A grid a little wider than high, rather one without empty places at its end. */
function columnsFor(count: number): number {
  const ideal = Math.ceil(Math.sqrt(count * 1.6));
  const empty = (columns: number) => Math.ceil(count / columns) * columns - count;
  return [ideal, ideal - 1, ideal + 1, ideal + 2]
    .filter((columns) => columns > 0)
    .reduce((best, columns) => (empty(columns) < empty(best) ? columns : best));
}

/**
 * A grid of pictures with captions, as SVG: misclassified pictures, a training batch, predictions.
 *
 * - `tiles`: any number; instead of none stands `whenNone`, default "nothing to show".
 * - `columns`: default so that the grid is a little wider than high.
 * - `sidePx`: of a picture's larger side. Default 112 for pictures up to 56 px, else 168.
 *
 * **Throws** `DataError` for a tile whose pixels are not those of its size.
 *
 * @example await mosaicSvg([{ pixels, width: 28, height: 28, caption: '7 → 1 (0.93)', colour: 'bad' }], { title: 'Misclassified' })
 */
export async function mosaicSvg(
  tiles: readonly Tile[],
  {
    title = '',
    note = '',
    columns,
    sidePx,
    whenNone = 'nothing to show',
  }: { title?: string; note?: string; columns?: number; sidePx?: number; whenNone?: string } = {},
): Promise<string> {
  const largest = tiles.reduce((most, tile) => Math.max(most, tile.width, tile.height), 0);
  const side = sidePx ?? (largest <= 56 ? 112 : 168);
  const captions = tiles.map((tile) => tile.caption.split('\n').map((line) => ellipsis(legible(line), longestCaption)));
  const below = captionPx + linePx * captions.reduce((most, lines) => Math.max(most, lines.length), 1);
  const cell = captions.flat().reduce((most, caption) => Math.max(most, textWidthPx(caption, sizes.small)), side);
  const across = Math.min(tiles.length, columns ?? columnsFor(tiles.length));
  const down = across ? Math.ceil(tiles.length / across) : 0;
  const top = title || note ? headerHeightPx(note) : edgePx;
  const pictures = await Promise.all(
    tiles.map(async (tile, i) => {
      const x = edgePx + (i % across) * (cell + gapPx);
      const y = top + Math.floor(i / across) * (side + below + gapPx);
      const frame = { x: x + (cell - side) / 2, y, width: side, height: side };
      const fill = tile.colour ? colours[tile.colour] : colours.ink;
      return [
        element('rect', { ...frame, fill: colours.panel }),
        await pictureElement(tile, frame.x, y, side),
        ...captions[i].map((line, row) =>
          text(x + cell / 2, y + side + 17 + row * linePx, line, { 'text-anchor': 'middle', 'font-size': sizes.small, fill }),
        ),
      ].join('');
    }),
  );
  if (!tiles.length) pictures.push(text(edgePx, top + 24, whenNone, { fill: colours.faint }));
  const words = Math.max(textWidthPx(title, sizes.title) * 1.15, textWidthPx(note, sizes.body));
  const width = 2 * edgePx + Math.max(across * (cell + gapPx) - gapPx, words, 160);
  const height = top + Math.max(down * (side + below + gapPx), 48) + edgePx - gapPx;
  return drawing(width, height, [header(edgePx, title, note), ...pictures]);
}
