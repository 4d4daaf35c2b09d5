import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import type { Dataset } from '../data/dataset.ts';
import type { HistoryRow } from '../train/progress.ts';
import { completeRecipe } from '../train/recipe.ts';
import { fileList, type ReportFile, toldOf, writeResults, writerIn } from './run-files.ts';

const row = { epoch: 1, step: 2, images: 8, loss: 1, trainAccuracy: 0.5, testLoss: 1, testAccuracy: 0.5, lr: 1e-3, seconds: 1 };
const history: HistoryRow[] = [
  // As runs wrote it that knew no top-5.
  { ...row, imagesPerSecond: 8 },
  { ...row, epoch: 2, step: 4, imagesPerSecond: 8, testTop5Accuracy: 0.75 },
];
const header = 'epoch,step,seconds,images_per_s,train_loss,train_accuracy,test_loss,test_accuracy,lr';

it.each([
  ['more than five classes', 6, {}, [`${header},test_top5_accuracy`, '1,2,1,8,1,0.5,1,0.5,0.001,', '2,4,1,8,1,0.5,1,0.5,0.001,0.75']],
  ['five classes', 5, {}, [header, '1,2,1,8,1,0.5,1,0.5,0.001', '2,4,1,8,1,0.5,1,0.5,0.001']],
  ['digits', 10, undefined, [header, '1,2,1,8,1,0.5,1,0.5,0.001', '2,4,1,8,1,0.5,1,0.5,0.001']],
])('results.csv of %s has top-5 where it says something', async (_, count, pictures, lines) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'fovea-results-'));
  const classes = Array.from({ length: count }, (_, c) => `${c}`);
  await writeResults(folder, history, { length: 8, classes, pictures } as unknown as Dataset);
  expect((await readFile(path.join(folder, 'results.csv'), 'utf8')).trimEnd().split('\n')).toEqual(lines);
  await rm(folder, { recursive: true });
});

it('toldOf tells the fields asked for, whatever the data are called', () => {
  const recipe = completeRecipe({
    data: '/a, learning rate/b, learning rate c',
    model: 'resnet18',
    optimizer: 'sgd',
    lr: 0.01,
    batchSize: 8,
  });
  expect(toldOf(recipe)).toBe('resnet18 on b, learning rate c, sgd, learning rate 0.01, 8 images a step');
  expect(toldOf(recipe, ['data', 'batchSize'])).toBe('resnet18 on b, learning rate c, 8 images a step');
});

it('a writer adds the files it is told of to the list', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'fovea-files-'));
  const files: ReportFile[] = [];
  const write = writerIn(folder, files);
  await write('a.csv', 'a');
  await write('玫瑰.csv', 'b', 'roses');
  await write('c.csv', 'c', 'the rest');
  expect(fileList('runs/x', files)).toEqual(['In runs/x:', '  玫瑰.csv  roses', '  c.csv     the rest']);
  expect(await readFile(path.join(folder, 'a.csv'), 'utf8')).toBe('a');
  await rm(folder, { recursive: true });
});
