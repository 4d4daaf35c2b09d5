import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import type { NumberArray } from '../core/ndarray.ts';
import { Rng } from '../core/rng.ts';
import type { Dataset } from '../data/dataset.ts';
import { decodePicture } from '../data/picture.ts';
import { pictureDataset } from '../data/picture-dataset.ts';
import { compose, presetTransforms } from '../data/transforms/index.ts';
import { LocalEngine } from '../engine/local.ts';
import { createReferenceBackend } from '../engine/reference/backend.ts';
import { evaluate } from '../engine/reference/evaluate.ts';
import type { Tensor } from '../graph/tensor.ts';
import { Conv2d, initialState, Linear, Module } from '../nn/index.ts';
import { adaptiveAvgPool2d, flatten, relu } from '../ops/index.ts';
import { datasetFeatures } from './dataset-features.ts';
import { featureGraph } from './features.ts';

class Net extends Module {
  conv = new Conv2d(3, 5, 3, { padding: 1 });
  out = new Linear(5 * 4, 3);
  forward(x: Tensor): Tensor {
    return this.out.forward(flatten(adaptiveAvgPool2d(relu(this.conv.forward(x)), 2)));
  }
}

const engine = new LocalEngine(createReferenceBackend());
const model = new Net();
const state = initialState(model, 3);

it('gives each sample’s features the length 1, over several batches', async () => {
  const rng = new Rng('dataset features');
  const values = Float32Array.from({ length: 19 * 48 }, () => rng.uniform());
  const dataset: Dataset = {
    name: 'made',
    length: 19,
    classes: ['a'],
    sampleShape: [3, 4, 4],
    labels: new Int32Array(19),
    read(indices, into) {
      for (const [n, index] of Array.from(indices).entries()) into.set(values.subarray(index * 48, (index + 1) * 48), n * 48);
    },
  };
  const dones: number[] = [];
  const onProgress = (done: number) => dones.push(done);
  const { data, width } = await datasetFeatures({ dataset, model, state, engine, onProgress });
  expect([width, data.length, dones]).toEqual([20, 19 * 20, [16, 19]]);
  for (const n of [0, 15, 18]) {
    const x = values.subarray(n * 48, (n + 1) * 48) as NumberArray;
    const features = evaluate(featureGraph(model, [1, 3, 4, 4]), { x }, state).features as Float32Array;
    const length = Math.hypot(...features);
    features.forEach((value, i) => {
      expect(data[n * 20 + i]).toBeCloseTo(value / length, 5);
    });
  }
});

it('makes the same features of a picture’s file as of its pixels', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'fovea-features-'));
  try {
    const rng = new Rng('pictures');
    const files = [];
    for (const name of ['a', 'b']) {
      const pixels = Uint8Array.from({ length: 3 * 144 }, () => rng.int(256));
      files.push(path.join(folder, `${name}.png`));
      await sharp(pixels, { raw: { width: 12, height: 12, channels: 3 } }).toFile(files.at(-1)!);
    }
    const split = { files, labels: new Int32Array(2) };
    const dataset = pictureDataset({
      name: 'files',
      split,
      classes: ['a'],
      transforms: [{ name: 'CenterCrop', size: 12 }, { name: 'ToTensor' }],
    });
    // Of the very size that the files are read at: the network wants them normalised all the same.
    const options = { model, state, transforms: presetTransforms('none', { size: 12 }).valid, engine };
    const fromFiles = await datasetFeatures({ ...options, dataset });
    const { pictures, ...pixels } = dataset;
    expect(await datasetFeatures({ ...options, dataset: pixels })).toEqual(fromFiles);
    const x = new Float32Array(3 * 144);
    compose(options.transforms).run(await decodePicture(files[1]), new Rng(0), x);
    const features = evaluate(featureGraph(model, [1, 3, 12, 12]), { x }, state).features as Float32Array;
    const length = Math.hypot(...features);
    features.forEach((value, i) => {
      expect(fromFiles.data[20 + i]).toBeCloseTo(value / length, 5);
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('refuses samples that the network does not take, and random transforms', async () => {
  const dataset = { name: 'd', length: 1, classes: [], sampleShape: [1, 28, 28], labels: new Int32Array(1), read() {} };
  await expect(datasetFeatures({ dataset, model, state, engine })).rejects.toThrow(/conv.*expected 1 channels|conv.*expected 3 channels/);
  const { train: transforms } = presetTransforms('standard');
  await expect(datasetFeatures({ dataset, model, state, transforms, engine })).rejects.toThrow(/draw no random numbers/);
});
