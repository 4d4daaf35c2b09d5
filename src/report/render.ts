import { Resvg, renderAsync } from '@resvg/resvg-js';
import sharp from 'sharp';
import { FormatError, messageOf, UsageError } from '../core/errors.ts';
import { above0, checkOptions } from '../core/option-ranges.ts';
import { fontsFor, legible } from './fonts.ts';
import { text } from './svg.ts';
import { fontFamily } from './theme.ts';

/** Beyond it a picture takes more than 4 GiB, and resvg ends the process where memory does. */
const mostPixels = 2 ** 30;
/** What the sizes of a JPEG hold. */
const mostJpegPx = 65_535;

/** The SVG as resvg takes it. **Throws** `FormatError` where it cannot. */
async function asDrawing<T>(body: () => T | Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw new FormatError({ where: 'drawing', expected: 'an SVG with a size', got: messageOf(error) }, { cause: error });
  }
}

/** Refuses a drawing that is too large, or nothing, at a scale: resvg would end the process. */
async function checkScale(svg: string, scale: number, mostPx = mostPixels): Promise<void> {
  checkOptions({ scale }, { scale: above0 });
  const size = await asDrawing(() => new Resvg(svg, { font: { loadSystemFonts: false } }));
  const [width, height] = [size.width, size.height].map((px) => Math.round(px * scale));
  if (width * height > mostPixels || Math.max(width, height) > mostPx || Math.min(width, height) < 1)
    throw new UsageError({
      where: 'scale',
      expected: `a picture of 1 × 1 px or more and at most ${mostPx === mostPixels ? '' : `${mostPx} px a side and `}${mostPixels} pixels`,
      got: `${size.width} × ${size.height} px times ${scale}`,
    });
}

async function draw(svg: string, scale: number): Promise<Uint8Array> {
  const words = legible(svg);
  const image = await asDrawing(() => renderAsync(words, { font: fontsFor(words), fitTo: { mode: 'zoom', value: scale } }));
  return image.asPng();
}

/**
 * Draws an SVG as PNG, off the main thread; signs that no font here has, by their Unicode numbers.
 *
 * - `scale`: pixels of the picture per px of the drawing, above 0. Default 2, sharp on dense screens.
 *
 * **Throws** `UsageError` for a scale out of range, or at which the picture has more than 2³⁰ pixels or none; `FormatError` if the text is no
 * SVG with a size.
 *
 * @example await writeFile('curves.png', await renderPng(curvesSvg(rows)))
 */
export async function renderPng(svg: string, { scale = 2 }: { scale?: number } = {}): Promise<Uint8Array> {
  await checkScale(svg, scale);
  return draw(svg, scale);
}

/**
 * Draws an SVG as JPEG, quality 90: for drawings that are mostly photographs.
 *
 * **Throws** as `renderPng` does, and for a side of more than 65 535 pixels.
 */
export async function renderJpeg(svg: string, { scale = 2 }: { scale?: number } = {}): Promise<Uint8Array> {
  await checkScale(svg, scale, mostJpegPx);
  return sharp(await draw(svg, scale), { limitInputPixels: false })
    .jpeg({ quality: 90 })
    .toBuffer();
}

const widths = new Map<string, number>();

/** Width in px of a line of text as it will be drawn. */
export function textWidthPx(words: string, sizePx: number): number {
  const known = widths.get(words);
  if (known !== undefined) return (known * sizePx) / 100;
  const drawn = legible(words);
  const line = text(0, 100, drawn, { 'font-size': 100, 'font-family': fontFamily });
  const box = new Resvg(`<svg xmlns="http://www.w3.org/2000/svg" width="9999" height="200">${line}</svg>`, {
    font: fontsFor(drawn),
  }).getBBox();
  widths.set(words, box?.width ?? 0);
  return textWidthPx(words, sizePx);
}
