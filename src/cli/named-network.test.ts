import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createModel } from '../models/index.ts';
import { initialState } from '../nn/index.ts';
import { saveCheckpoint } from '../train/checkpoint.ts';
import { initialProgress } from '../train/progress.ts';
import { completeRecipe } from '../train/recipe.ts';
import { prepareWeightsFolder, weightsFile } from '../train/weights-files.ts';
import { namedNetwork } from './named-network.ts';
import { runCommand } from './program.ts';

let run: string;
beforeAll(async () => {
  run = await mkdtemp(path.join(tmpdir(), 'fovea-named-'));
  await prepareWeightsFolder(run);
  await saveCheckpoint(weightsFile(run, 'best'), {
    metadata: {
      version: 1,
      model: 'squeezenet1_1',
      classes: ['a', 'b'],
      sampleShape: [3, 32, 32],
      preprocessing: [{ name: 'Resize', size: 32 }, { name: 'CenterCrop', size: 32 }, { name: 'ToTensor' }],
      ...{ trainImages: 4, testImages: 2, recipe: completeRecipe({}), progress: initialProgress() },
      engine: { name: 'reference', version: '', isa: 'typescript', threads: 1 },
    },
    model: initialState(createModel('squeezenet1_1', { classes: 2 })),
    optimizer: new Map(),
  });
});
afterAll(() => rm(run, { recursive: true }));

it.each([
  ['by its path', () => ({ network: run })],
  ['by its path and as its own weights', () => ({ network: run, weights: run })],
  ['as the weights of its model', () => ({ network: 'squeezenet1_1', weights: run })],
])('takes a run %s', async (_, choice) => {
  const { name, classNames, inputShape, preprocessing } = await namedNetwork(choice());
  expect({ name, classNames, inputShape }).toEqual({ name: `squeezenet1_1 (${run})`, classNames: ['a', 'b'], inputShape: [3, 32, 32] });
  expect(preprocessing).toHaveLength(3);
});

it.each([
  ['a run of another model', () => ({ network: 'resnet18', weights: run }), '[--weights] expected weights of resnet18, got '],
  ['a run beside no model', () => ({ network: 'nonsense', weights: run }), 'one of alexnet, '],
  ['classes of a run', () => ({ network: 'squeezenet1_1', weights: run, classes: 2 }), '[--classes] expected a model’s name before it'],
  ['ImageNet weights that are not there', () => ({ network: 'course-cnn', weights: 'imagenet' }), 'no ImageNet weights for course-cnn'],
  ['fresh numbers', () => ({ network: 'resnet18', mustBeTrained: true }), '[--weights] expected trained weights of resnet18, got none'],
])('refuses %s', async (_, choice, message) => {
  await expect(namedNetwork(choice())).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining(message) });
});

it.each([
  ['trained for ImageNet', { network: 'squeezenet1_0', weights: 'numbers.pth' }, 'tench'],
  ['fresh', { network: 'squeezenet1_0' }, undefined],
  ['of other classes', { network: 'squeezenet1_0', weights: 'numbers.pth', classes: 10 }, undefined],
  ['never trained for ImageNet', { network: 'course-cnn', weights: 'numbers.pth', classes: 1000 }, undefined],
])('names the classes of a model %s', async (_, choice, first) => {
  expect((await namedNetwork(choice)).classNames[0]).toBe(first);
});

it.each([
  // torchvision 0.14: Inception_V3_Weights.IMAGENET1K_V1.transforms() and the builder's transform_input.
  ['inception_v3', 'numbers.pth', [342, 299], true],
  ['inception_v3', undefined, [341, 299], false],
  ['resnet18', 'numbers.pth', [256, 224], undefined],
])('prepares pictures as the weights of a model want it: %s, %s', async (network, weights, sizes, transformInput) => {
  const { preprocessing, module } = await namedNetwork({ network, weights });
  expect(preprocessing!.flatMap((step) => ('size' in step ? [step.size] : []))).toEqual(sizes);
  expect((module as { transformInput?: boolean }).transformInput).toBe(transformInput);
});

it('is what knn calls the features of a run', async () => {
  const data = path.join(run, 'pictures');
  for (const part of ['train/a', 'train/b', 'test/a', 'test/b']) {
    await mkdir(path.join(data, part), { recursive: true });
    const grey = sharp({ create: { width: 8, height: 8, channels: 3, background: part.endsWith('a') ? '#222' : '#ddd' } }).png();
    for (const n of [1, 2]) await grey.toFile(path.join(data, part, `${n}.png`));
  }
  const [log, error] = [vi.spyOn(console, 'log').mockReturnValue(), vi.spyOn(console, 'error').mockReturnValue()];
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const network = ['--features', 'squeezenet1_1', '--weights', run, '--engine', 'reference'];
  const status = await runCommand(['knn', data, '--k', '1', '--folds', '2', ...network, '--out', path.join(run, 'runs'), '--json']);
  const { views } = JSON.parse(log.mock.calls[0][0]);
  expect([status, views.map(({ features }: { features: string }) => features)]).toEqual([0, ['pixels', `squeezenet1_1 (${run})`]]);
  expect(error).toHaveBeenCalled();
  vi.restoreAllMocks();
});
