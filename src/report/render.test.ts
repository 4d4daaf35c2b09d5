import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { FormatError, UsageError } from '../core/errors.ts';
import { renderJpeg, renderPng, textWidthPx } from './render.ts';
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

  it.each([
    [0, '[scale] expected a number above 0, got 0'],
    [-1, '[scale] expected a number above 0, got -1'],
    [Number.NaN, '[scale] expected a number above 0, got NaN'],
    [200, '[scale] expected a picture of 1 × 1 px or more and at most 1073741824 pixels, got 2000 × 1000 px times 200'],
    [1e-4, '[scale] expected a picture of 1 × 1 px or more and at most 1073741824 pixels, got 2000 × 1000 px times 0.0001'],
  ])('refuses a scale of %d', async (scale, message) => {
    const svg = drawing(2000, 1000, []);
    await expect(renderPng(svg, { scale })).rejects.toThrow(message);
    await expect(renderPng(svg, { scale })).rejects.toBeInstanceOf(UsageError);
  });

  it('refuses more pixels a side than a JPEG has', async () => {
    const svg = drawing(40_000, 10, []);
    await expect(renderJpeg(svg)).rejects.toThrow('at most 65535 px a side and 1073741824 pixels, got 40000 × 10 px times 2');
    expect((await sharp(await renderPng(svg)).metadata()).width).toBe(80_000);
  });

  it.each(['', 'curves.svg', '<svg xmlns="http://www.w3.org/2000/svg" width="0" height="9"/>'])('refuses %j as a drawing', async (svg) => {
    await expect(renderPng(svg)).rejects.toThrow('[drawing] expected an SVG with a size, got SVG ');
    await expect(renderPng(svg)).rejects.toBeInstanceOf(FormatError);
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
