import { createRequire } from 'node:module';
import path from 'node:path';
import { Resvg, type ResvgRenderOptions, renderAsync } from '@resvg/resvg-js';
import sharp from 'sharp';
import { text } from './svg.ts';
import { fontFamily } from './theme.ts';

/**
 * Fonts of the npm package `dejavu-fonts-ttf`: the same letters on every machine, one without fonts too. The system's own are looked at
 * only for text that DejaVu lacks, such as Chinese.
 */
const fontFolder = path.join(path.dirname(createRequire(import.meta.url).resolve('dejavu-fonts-ttf/package.json')), 'ttf');
const ownFont: ResvgRenderOptions['font'] = {
  fontFiles: ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'].map((file) => path.join(fontFolder, file)),
  loadSystemFonts: false,
  defaultFontFamily: fontFamily,
};

/** Scripts and signs outside DejaVu Sans, roughly: East Asian and Indic scripts, emoji. */
const foreign =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Tamil}\p{Script=Thai}\p{Emoji_Presentation}]/u;
const fontFor = (words: string): ResvgRenderOptions['font'] => (foreign.test(words) ? { ...ownFont, loadSystemFonts: true } : ownFont);

/**
 * Draws an SVG as PNG, off the main thread.
 *
 * - `scale`: pixels of the picture per px of the drawing. Default 2, sharp on dense screens.
 *
 * @example await writeFile('curves.png', await renderPng(curvesSvg(rows)))
 */
export async function renderPng(svg: string, { scale = 2 }: { scale?: number } = {}): Promise<Uint8Array> {
  const image = await renderAsync(svg, { font: fontFor(svg), fitTo: { mode: 'zoom', value: scale } });
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
  const line = text(0, 100, words, { 'font-size': 100, 'font-family': fontFamily });
  const box = new Resvg(`<svg xmlns="http://www.w3.org/2000/svg" width="9999" height="200">${line}</svg>`, {
    font: fontFor(words),
  }).getBBox();
  widths.set(words, box?.width ?? 0);
  return textWidthPx(words, sizePx);
}
