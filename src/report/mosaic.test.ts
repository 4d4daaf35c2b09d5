import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { mosaicSvg, type Tile } from './mosaic.ts';
import { renderPng } from './render.ts';
import { colours } from './theme.ts';

const grey = (caption: string, level = 0): Tile => ({ pixels: new Uint8Array(28 * 28).fill(level), width: 28, height: 28, caption });

/** Colour of the rendered drawing at a place. */
async function pixelAt(svg: string, x: number, y: number): Promise<number[]> {
  const { data, info } = await sharp(await renderPng(svg, { scale: 1 }))
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return [...data.subarray(3 * (y * info.width + x), 3 * (y * info.width + x) + 3)];
}

describe('mosaicSvg', () => {
  it('lays pictures with captions in a grid', async () => {
    const svg = await mosaicSvg(
      Array.from({ length: 5 }, (_, i) => grey(`${i} → 1 (0.9${i})`)),
      { title: 'Wrong', columns: 2 },
    );
    const places = [...svg.matchAll(/<image x="([\d.]+)" y="([\d.]+)"/g)].map((m) => m.slice(1).map(Number));
    expect(places).toHaveLength(5);
    expect(new Set(places.map(([x]) => x)).size).toBe(2);
    expect(new Set(places.map(([, y]) => y)).size).toBe(3);
    expect(svg).toContain('4 → 1 (0.94)');
    expect(svg).toContain('>Wrong<');
  });

  it('shows grey and RGB pixels as they are', async () => {
    const rgb: Tile = { pixels: Uint8Array.from({ length: 300 }, (_, i) => [200, 40, 10][i % 3]), width: 10, height: 10, caption: '' };
    expect(await pixelAt(await mosaicSvg([rgb]), 80, 80)).toEqual([200, 40, 10]);
    expect(await pixelAt(await mosaicSvg([grey('', 77)]), 80, 80)).toEqual([77, 77, 77]);
  });

  it('keeps enlarged pixels square', async () => {
    const two: Tile = { pixels: Uint8Array.of(0, 255, 255, 0), width: 2, height: 2, caption: '' };
    const svg = await mosaicSvg([two], { sidePx: 100 });
    expect(await pixelAt(svg, 24 + 48, 24 + 20)).toEqual([0, 0, 0]);
    expect(await pixelAt(svg, 24 + 52, 24 + 20)).toEqual([255, 255, 255]);
  });

  it('keeps the proportions of a wide picture', async () => {
    const svg = await mosaicSvg([{ pixels: new Uint8Array(200 * 100 * 3), width: 200, height: 100, caption: '' }], { sidePx: 160 });
    expect(svg).toMatch(/<image [^>]*width="160" height="80"/);
  });

  it('fits captions of 24 characters beside each other, cuts longer ones, and colours them', async () => {
    const words = 'W'.repeat(24);
    const svg = await mosaicSvg([grey(words), grey(words), { ...grey(`${words}W`), colour: 'bad' }], { columns: 3 });
    const [first, second] = [...svg.matchAll(/<text x="([\d.]+)"[^>]*>W/g)].map((m) => Number(m[1]));
    expect(second - first).toBeGreaterThan(24 * 11);
    expect(svg).toContain(`${'W'.repeat(23)}…`);
    expect(svg).toContain(`fill="${colours.bad}"`);
  });

  it.each([
    [{ pixels: new Uint8Array(5), width: 2, height: 2 }, '[tile] expected 4 or 12 bytes for 2 × 2 px, got 5'],
    [{ pixels: new Uint8Array(0), width: 0, height: 2 }, '[tile] expected a width and a height from 1, got 0 × 2'],
  ])('refuses pixels that are not those of the size', async (tile, message) => {
    await expect(mosaicSvg([{ ...tile, caption: '' }])).rejects.toThrow(message);
  });

  it('says so when there is nothing', async () => {
    expect(await mosaicSvg([], { title: 'Wrong' })).toContain('nothing to show');
    expect(await mosaicSvg([], { whenNone: 'No wrong guess.' })).toContain('>No wrong guess.<');
  });
});
