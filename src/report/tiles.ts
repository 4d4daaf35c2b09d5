import { sizeOf } from '../core/shape.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Tile } from './mosaic.ts';

/** Mean and deviation that a data set's samples were normalised with, by channel. */
function scaleOf({ pictures, sampleShape: [channels] }: Dataset): { mean: readonly number[]; std: readonly number[] } {
  const step = pictures?.transforms.find((transform) => transform.name === 'Normalize');
  return step?.name === 'Normalize' ? step : { mean: new Array<number>(channels).fill(0), std: new Array<number>(channels).fill(1) };
}

/** A sample as the network sees it, its numbers turned back into colours. */
export function tileOf(dataset: Dataset, values: Float32Array, caption: string, colour?: Tile['colour']): Tile {
  const [channels, height, width] = dataset.sampleShape;
  const { mean, std } = scaleOf(dataset);
  const plane = height * width;
  const pixels = Uint8Array.from({ length: sizeOf(dataset.sampleShape) }, (_, i) => {
    const c = i % channels;
    const level = values[c * plane + Math.floor(i / channels)] * std[c] + mean[c];
    return Math.round(255 * Math.min(1, Math.max(0, level)));
  });
  return { pixels, width, height, caption, colour };
}

/** Reads samples as tiles; `describe` says what stands below each. */
export async function readTiles<T extends { readonly index: number }>(
  dataset: Dataset,
  items: readonly T[],
  describe: (item: T) => Pick<Tile, 'caption' | 'colour'>,
  epoch = 0,
): Promise<Tile[]> {
  const tiles: Tile[] = [];
  const values = new Float32Array(sizeOf(dataset.sampleShape));
  for (const item of items) {
    await dataset.read([item.index], values, epoch);
    const { caption, colour } = describe(item);
    tiles.push(tileOf(dataset, values, caption, colour));
  }
  return tiles;
}
