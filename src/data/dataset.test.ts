import { describe, expect, it } from 'vitest';
import { DataError } from '../core/errors.ts';
import { checkLabels, type Dataset, readBatch } from './dataset.ts';
import { pictureDataset } from './picture-dataset.ts';
import { subsetOf } from './subset.ts';
import { parseTransforms } from './transforms/index.ts';

const setOf = (labels: Int32Array, length = 4): Dataset => ({
  name: 'toy',
  length,
  classes: ['a', 'b'],
  sampleShape: [1, 1, 1],
  labels,
  read: (indices, into) => into.set(Float32Array.from(indices)),
});

const wrong = [
  [[1, 1], '[toy] expected 4 labels, one for each sample, got 2.'],
  [[0, 1, 0, 1, 0], '[toy] expected 4 labels, one for each sample, got 5.'],
  [[0, 1, 2, 1], '[toy, row 2] expected a label from 0 to 1, got 2.'],
  [[0, 1, 1, -1], '[toy, row 3] expected a label from 0 to 1, got -1.'],
] as const;

describe('labels of a data set', () => {
  it.each(wrong)('%j of four samples in two classes are refused wherever they are read', async (labels, message) => {
    const dataset = setOf(Int32Array.from(labels));
    const files = ['1.png', '2.png', '3.png', '4.png'];
    const transforms = parseTransforms([{ name: 'Resize', size: 4 }, { name: 'CenterCrop', size: 4 }, { name: 'ToTensor' }]);
    const attempts = [
      () => checkLabels(dataset),
      () => subsetOf(dataset, Uint32Array.of(0, 3), 'some'),
      () => pictureDataset({ name: 'toy', split: { files, labels: dataset.labels }, classes: dataset.classes, transforms }),
    ];
    for (const attempt of attempts) {
      expect(attempt).toThrow(message);
      expect(attempt).toThrow(DataError);
    }
    await expect(readBatch(dataset, Uint32Array.of(0))).rejects.toThrow(message);
    // A data set that was refused once is refused again.
    await expect(readBatch(dataset, Uint32Array.of(0))).rejects.toThrow(message);
  });

  it('are checked against a number of classes too, and against none', () => {
    checkLabels({ name: 'rows', length: 2, classes: 3, labels: [2, 0] });
    expect(() => checkLabels({ name: 'rows', length: 2, classes: 3, labels: [2, 0.5] })).toThrow(
      '[rows, row 1] expected a label from 0 to 2, got 0.5',
    );
    expect(() => checkLabels({ name: 'rows', length: 1, classes: [], labels: [0] })).toThrow(
      'expected classes for the labels to name, got none',
    );
  });

  it('are given with the samples they belong to', async () => {
    const { target } = await readBatch(setOf(Int32Array.of(0, 1, 1, 0)), Uint32Array.of(2, 0));
    expect([...target.data]).toEqual([1, 0]);
  });
});
