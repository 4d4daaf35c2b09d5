import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { DataError, messageOf } from '../core/errors.ts';
import { formatShape } from '../core/shape.ts';
import { readPickle } from '../formats/pickle.ts';
import { numpyGlobals } from '../formats/pickle-numpy.ts';
import type { Dataset } from './dataset.ts';

const samplePixels = 3 * 32 * 32;
const recordBytes = 1 + samplePixels;
const classes = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];
const stems = { train: [1, 2, 3, 4, 5].map((n) => `data_batch_${n}`), test: ['test_batch'] } as const;

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
  const row = Array.from(batch.labels).findIndex((label) => !(Number.isInteger(label) && label >= 0 && label < classes.length));
  if (row >= 0) throw new DataError({ where: `${file}, row ${row}`, expected: 'a label from 0 to 9', got: `${batch.labels[row]}` });
  return batch;
}

async function loadSplit(folder: string, split: keyof typeof stems, names: ReadonlySet<string>): Promise<Dataset> {
  const batches = await Promise.all(
    stems[split].map(async (stem) => {
      const isBinary = names.has(`${stem}.bin`);
      const file = path.join(folder, isBinary ? `${stem}.bin` : stem);
      let bytes: Uint8Array;
      try {
        bytes = await readFile(file);
      } catch (error) {
        throw new DataError({ where: file, expected: 'a batch of CIFAR-10', got: messageOf(error) }, { cause: error });
      }
      return (isBinary ? readCifarBinary : readCifarPython)(bytes, file);
    }),
  );
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
    sampleShape: [3, 32, 32],
    labels,
    read(indices, into) {
      for (let n = 0; n < indices.length; n++) {
        const index = indices[n];
        if (!(index >= 0 && index < labels.length))
          throw new DataError({ where: `cifar10 ${split}`, expected: `an index from 0 to ${labels.length - 1}`, got: `${index}` });
        for (let i = 0; i < samplePixels; i++) into[n * samplePixels + i] = pixels[index * samplePixels + i] / 255;
      }
    },
  };
}

/**
 * CIFAR-10 from its official files, binary (`data_batch_1.bin` …) or python (`data_batch_1` …).
 *
 *     x = byte / 255
 *
 * **Shapes**: one sample is `[3,32,32]`; labels are 0 to 9.
 *
 * **Throws** `DataError` naming the file for one that is missing, cut short or has other sizes, and the row of a label out of range;
 * `FormatError` for a broken pickle.
 * **Source**: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
 *
 * @example const { train, test } = await loadCifar10('cifar-10-batches-bin');
 */
export async function loadCifar10(folder: string): Promise<{ train: Dataset; test: Dataset }> {
  const names = new Set(await readdir(folder).catch(() => []));
  const [train, test] = await Promise.all([loadSplit(folder, 'train', names), loadSplit(folder, 'test', names)]);
  return { train, test };
}
