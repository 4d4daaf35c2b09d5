import { Resvg, renderAsync } from '@resvg/resvg-js';
import sharp from 'sharp';
import { fontsFor, legible } from './fonts.ts';
import { text } from './svg.ts';
import { fontFamily } from './theme.ts';

/**
 * Draws an SVG as PNG, off the main thread; signs that no font here has, by their Unicode numbers.
 *
 * - `scale`: pixels of the picture per px of the drawing. Default 2, sharp on dense screens.
 *
 * @example await writeFile('curves.png', await renderPng(curvesSvg(rows)))
 */
export async function renderPng(svg: string, { scale = 2 }: { scale?: number } = {}): Promise<Uint8Array> {
  const words = legible(svg);
  const image = await renderAsync(words, { font: fontsFor(words), fitTo: { mode: 'zoom', value: scale } });
  return image.asPng();
}

/** Draws an SVG as JPEG, quality 90: for drawings that are mostly photographs. */
export async function renderJpeg(svg: string, options: { scale?: number } = {}): Promise<Uint8Array> {
  return sharp(await renderPng(svg, options))
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
