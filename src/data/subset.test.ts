import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { sizeOf } from '../core/shape.ts';
import { openLoader } from './loader/index.ts';
import { pictureDataset } from './picture-dataset.ts';
import { subsetOf } from './subset.ts';
import { presetTransforms } from './transforms/index.ts';

it('draws for a picture of a subset what the loader draws for it', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'fovea-subset-'));
  const loader = openLoader({ workers: 0 });
  try {
    const files = Array.from({ length: 6 }, (_, i) => path.join(folder, `${i}.png`));
    for (const [i, file] of files.entries()) {
      const pixels = Uint8Array.from({ length: 3 * 40 * 30 }, (_, p) => (p * (i + 3)) % 251);
      await sharp(pixels, { raw: { width: 40, height: 30, channels: 3 } }).toFile(file);
    }
    const split = { files, labels: Int32Array.from(files, (_, i) => i % 2) };
    const { train: transforms } = presetTransforms('standard', { size: 16 });
    const some = subsetOf(
      pictureDataset({ name: 'all', split, classes: ['a', 'b'], transforms, seed: 3 }),
      Uint32Array.of(1, 3, 4),
      'some',
    );
    expect([some.length, [...some.labels], some.pictures!.files]).toEqual([3, [1, 1, 0], [files[1], files[3], files[4]]]);
    const x = new Float32Array(3 * sizeOf(some.sampleShape));
    await some.read(Uint32Array.of(0, 1, 2), x, 2);
    const { value } = await loader.batches(some, { order: [Uint32Array.of(0, 1, 2)], epoch: 2 }).next();
    expect(value!.x.data).toEqual(x);
  } finally {
    await loader.close();
    await rm(folder, { recursive: true });
  }
});
