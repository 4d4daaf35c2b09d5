import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { DataError, messageOf } from '../core/errors.ts';
import { formatShape } from '../core/shape.ts';
import { readPickle } from '../formats/pickle.ts';
import { numpyGlobals } from '../formats/pickle-numpy.ts';
import { byteSamples } from './byte-samples.ts';
import { checkLabels, type Dataset } from './dataset.ts';
import { type ByClass, FolderReader } from './folder-reader.ts';
import { decodePicture } from './picture.ts';

const sidePx = 32;
const planePixels = sidePx * sidePx;
const samplePixels = 3 * planePixels;
const recordBytes = 1 + samplePixels;
/** In the official order, which is that of the names. */
export const cifarClasses: readonly string[] = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];
const classes = cifarClasses;
const stems = { train: [1, 2, 3, 4, 5].map((n) => `data_batch_${n}`), test: ['test_batch'] } as const;
type Split = keyof typeof stems;
/** What every official file holds: one that was cut between two records shows only by this. */
const officialSamples = 10_000;

/** Whether one of these file names is of CIFAR-10's official files. */
export const hasCifarFiles = (names: readonly string[]): boolean => {
  const known = Object.values(stems).flat();
  return names.some((name) => known.some((stem) => name === stem || name === `${stem}.bin`));
};

interface CifarBatch {
  /** Planes red, green, blue, one sample after the other. */
  pixels: Uint8Array;
  labels: ArrayLike<number>;
}

/** One file of the binary version: records of a label and 3072 levels. */
export function readCifarBinary(bytes: Uint8Array, file: string): CifarBatch {
  if (bytes.length === 0 || bytes.length % recordBytes !== 0)
    throw new DataError({
      where: file,
      expected: `one or more records of ${recordBytes} bytes`,
      got: `${bytes.length} bytes`,
      hint: 'The file is cut short or not CIFAR-10’s binary version',
    });
  const length = bytes.length / recordBytes;
  const pixels = new Uint8Array(length * samplePixels);
  for (let n = 0; n < length; n++) pixels.set(bytes.subarray(n * recordBytes + 1, (n + 1) * recordBytes), n * samplePixels);
  return checked({ pixels, labels: Uint8Array.from({ length }, (_, n) => bytes[n * recordBytes]) }, file);
}

/** One file of the python version: a pickled dict with `data`, u8 `[n,3072]`, and `labels`. Nothing in it is executed. */
export function readCifarPython(bytes: Uint8Array, file: string): CifarBatch {
  const { value } = readPickle(bytes, { globals: numpyGlobals, file, allows: 'NumPy arrays only' });
  if (!(value instanceof Map)) throw new DataError({ where: file, expected: 'a dict with data and labels', got: 'another value' });
  const entries = new Map([...value].map(([key, entry]) => [key instanceof Uint8Array ? new TextDecoder().decode(key) : key, entry]));
  const data = entries.get('data');
  const labels = entries.get('labels');
  const pixels: unknown = data?.data;
  if (!(pixels instanceof Uint8Array) || data.shape.length !== 2 || data.shape[1] !== samplePixels)
    throw new DataError({
      where: file,
      expected: `data, u8 [n,${samplePixels}]`,
      got: data?.shape ? `${data.dtype} ${formatShape(data.shape)}` : 'none',
    });
  if (!Array.isArray(labels) || labels.length !== data.shape[0])
    throw new DataError({ where: file, expected: `${data.shape[0]} labels`, got: Array.isArray(labels) ? `${labels.length}` : 'none' });
  return checked({ pixels, labels }, file);
}

function checked(batch: CifarBatch, file: string): CifarBatch {
  checkLabels({ name: file, length: batch.labels.length, classes, labels: batch.labels });
  return batch;
}

async function readBatches(folder: string, split: Split, names: ReadonlySet<string>): Promise<CifarBatch[]> {
  const { train, test } = stems;
  /** Of a file that is missing: the version that the others have. */
  const hasBinary = [...train, ...test].some((stem) => names.has(`${stem}.bin`));
  return Promise.all(
    stems[split].map(async (stem) => {
      const isBinary = names.has(`${stem}.bin`) || (hasBinary && !names.has(stem));
      const file = path.join(folder, isBinary ? `${stem}.bin` : stem);
      let bytes: Uint8Array;
      try {
        bytes = await readFile(file);
      } catch (error) {
        throw new DataError({ where: file, expected: 'a batch of CIFAR-10', got: messageOf(error) }, { cause: error });
      }
      const batch = (isBinary ? readCifarBinary : readCifarPython)(bytes, file);
      if (batch.labels.length !== officialSamples)
        throw new DataError({
          where: file,
          expected: `${officialSamples} samples, as every file of CIFAR-10 has`,
          got: `${batch.labels.length}`,
          hint: 'The file is cut short or not the official one: fetch it again',
        });
      return batch;
    }),
  );
}

/** The pictures of one part of an image folder, decoded. */
async function readPictures(folder: string, part: ByClass | undefined): Promise<CifarBatch> {
  const stranger = [...(part?.keys() ?? [])].find((name) => !classes.includes(name));
  if (stranger !== undefined) throw new DataError({ where: folder, expected: `class folders ${classes.join(', ')}`, got: `'${stranger}'` });
  const files = classes.flatMap((name, label) => (part?.get(name) ?? []).map((file) => ({ file: path.join(folder, file), label })));
  const pixels = new Uint8Array(files.length * samplePixels);
  for (const [n, { file }] of files.entries()) {
    const { width, height, data } = await decodePicture(file);
    if (width !== sidePx || height !== sidePx)
      throw new DataError({ where: file, expected: `${sidePx}×${sidePx} px, as CIFAR-10’s pictures`, got: `${width}×${height} px` });
    for (let i = 0; i < samplePixels; i++) pixels[n * samplePixels + i] = data[(i % planePixels) * 3 + Math.floor(i / planePixels)];
  }
  return { pixels, labels: files.map(({ label }) => label) };
}

function datasetOf(split: Split, batches: readonly CifarBatch[]): Dataset {
  const labels = Int32Array.from(batches.flatMap((batch) => Array.from(batch.labels)));
  const pixels = new Uint8Array(labels.length * samplePixels);
  let at = 0;
  for (const batch of batches) {
    pixels.set(batch.pixels, at);
    at += batch.pixels.length;
  }
  return {
    name: `cifar10 ${split}`,
    length: labels.length,
    classes,
    sampleShape: [3, sidePx, sidePx],
    labels,
    read: byteSamples(`cifar10 ${split}`, pixels, samplePixels),
  };
}

/**
 * CIFAR-10 in any of three forms, found by what the folder holds: the official binary files (`data_batch_1.bin` …), the official python files
 * (`data_batch_1` …), or pictures in `train/<class>` and `test/<class>`, which may be fewer.
 *
 *     x = byte / 255
 *
 * **Shapes**: one sample is `[3,32,32]`; labels are 0 to 9 in the official order, which is that of the classes' names.
 *
 * **Throws** `DataError` naming the file for one that is missing, cut short or has other sizes, the row of a label out of range, a picture that is
 * not 32×32, broken or in a folder of another class; `FormatError` for a broken pickle.
 * **Source**: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
 *
 * @example const { train, test } = await loadCifar10('cifar-10-batches-bin');
 */
export async function loadCifar10(folder: string): Promise<{ train: Dataset; test: Dataset }> {
  const names = new Set(
    await readdir(folder).catch((error: unknown) => {
      throw new DataError({ where: folder, expected: 'a folder with CIFAR-10', got: messageOf(error) }, { cause: error });
    }),
  );
  if (hasCifarFiles([...names])) {
    const [train, test] = await Promise.all([readBatches(folder, 'train', names), readBatches(folder, 'test', names)]);
    return { train: datasetOf('train', train), test: datasetOf('test', test) };
  }
  const parts = await new FolderReader(folder, { strict: true }).readParts();
  const [train, test] = [await readPictures(folder, parts.train), await readPictures(folder, parts.test)];
  if (train.labels.length === 0 || test.labels.length === 0)
    throw new DataError({
      where: folder,
      expected: 'data_batch_1.bin … test_batch.bin, data_batch_1 … test_batch, or pictures in train/<class> and test/<class>',
      got: `${train.labels.length} training and ${test.labels.length} test pictures`,
      hint: 'Name the folder that holds these files itself',
    });
  return { train: datasetOf('train', [train]), test: datasetOf('test', [test]) };
}
