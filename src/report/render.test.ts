import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { renderPng, textWidthPx } from './render.ts';
import { text } from './svg.ts';
import { drawing } from './theme.ts';

/** How many pixels of a drawing are dark. */
async function inkOf(svg: string): Promise<number> {
  const grey = await sharp(await renderPng(svg, { scale: 1 }))
    .greyscale()
    .raw()
    .toBuffer();
  return grey.filter((level) => level < 128).length;
}

describe('renderPng', () => {
  it('draws at the scale asked for', async () => {
    const { width, height, format } = await sharp(await renderPng(drawing(120, 40, []))).metadata();
    expect({ width, height, format }).toEqual({ width: 240, height: 80, format: 'png' });
  });

  it('draws letters, in bold with more ink, signs beyond ASCII too', async () => {
    const words = '7 → 1 (0.93) Größe';
    const plain = await inkOf(drawing(300, 40, [text(10, 28, words)]));
    expect(plain).toBeGreaterThan(200);
    expect(await inkOf(drawing(300, 40, [text(10, 28, words, { 'font-weight': 'bold' })]))).toBeGreaterThan(1.2 * plain);
    expect(await inkOf(drawing(300, 40, []))).toBe(0);
  });

  it('measures text as it is drawn', async () => {
    const width = textWidthPx('Confusion', 40);
    const { info } = await sharp(await renderPng(drawing(400, 60, [text(20, 45, 'Confusion', { 'font-size': 40 })]), { scale: 1 }))
      .trim()
      .toBuffer({ resolveWithObject: true });
    expect(Math.abs(info.width - width)).toBeLessThan(4);
    expect(textWidthPx('', 40)).toBe(0);
  });
});
