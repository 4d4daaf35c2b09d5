import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Rng } from '../core/rng.ts';
import { readSafetensors } from '../formats/safetensors.ts';
import { runCommand } from './program.ts';

let folder: string;
let data: string;
let stdout = '';
let stderr = '';

/** Small pictures of a bright square on dark ground, left or right, with noise; the colour of the ground tells nothing. */
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-classic-'));
  data = path.join(folder, 'squares');
  const rng = new Rng('squares');
  const side = 12;
  for (const [part, count] of [
    ['train', 12],
    ['test', 4],
  ] as const)
    for (const [c, name] of ['left', 'right', 'none'].entries()) {
      await mkdir(path.join(data, part, name), { recursive: true });
      for (let n = 0; n < count; n++) {
        const pixels = new Uint8Array(3 * side * side);
        for (let i = 0; i < pixels.length; i++) {
          const [y, x] = [Math.floor(i / (3 * side)), Math.floor(i / 3) % side];
          const isSquare = c < 2 && y > 3 && y < 9 && (c === 0 ? x < 5 : x > 6);
          pixels[i] = rng.int(40) + (isSquare ? 180 : 0);
        }
        await sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
          .png()
          .toFile(path.join(data, part, name, `${n}.png`));
      }
    }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

beforeEach(() => {
  stdout = '';
  stderr = '';
  const keep = (add: (text: string) => void) => (text: unknown) => {
    add(`${text}`);
    return true;
  };
  vi.spyOn(console, 'log').mockImplementation(keep((text) => (stdout += `${text}\n`)));
  vi.spyOn(console, 'error').mockImplementation(keep((text) => (stderr += `${text}\n`)));
  vi.spyOn(process.stderr, 'write').mockImplementation(keep((text) => (stderr += text)));
});
afterEach(() => {
  vi.restoreAllMocks();
});

const run = (command: string, ...args: string[]) =>
  runCommand([command, data, '--engine', 'reference', '--size', '12', '--out', path.join(folder, 'runs'), ...args]);
const isPicture = async (file: string) => (await sharp(file).metadata()).format === 'png';

describe('fovea knn', () => {
  it.each(['l1', 'l2', 'cosine'])('finds the classes with %s, as JSON, and leaves its pictures', async (metric) => {
    expect(await run('knn', '--k', '5,1', '--folds', '3', '--metric', metric, '--json', '--name', `knn-${metric}`)).toBe(0);
    const found = JSON.parse(stdout);
    expect(found).toMatchObject({ data: 'squares', trainImages: 36, testImages: 12, metric, folds: 3, seed: 0 });
    const [view] = found.views;
    expect(view.crossValidation.map(({ k }: { k: number }) => k)).toEqual([1, 5]);
    expect(view.crossValidation[0].foldAccuracies).toHaveLength(3);
    expect(view).toMatchObject({ features: 'pixels', width: 432 });
    expect(view.correct).toBe(Math.round(12 * view.accuracy));
    if (metric !== 'cosine') expect(view.accuracy).toBe(1);
    expect(view.queryTimes.map(({ rows }: { rows: number }) => rows)).toEqual([9, 18, 36]);
    expect(found.files).toEqual((await readdir(found.runFolder)).sort((a, b) => found.files.indexOf(a) - found.files.indexOf(b)));
    for (const file of ['cross_validation.png', 'neighbours.png', 'confusion_matrix.png'])
      expect(await isPicture(path.join(found.runFolder, file))).toBe(true);
    const predictions = (await readFile(path.join(found.runFolder, 'predictions.csv'), 'utf8')).trim().split('\n');
    expect([predictions.length, predictions[0]]).toEqual([13, 'index,truth,guess,probability,correct,p(left),p(none),p(right)']);
  });

  it('says how the time of a query grows', async () => {
    expect(await run('knn', '--k', '1', '--folds', '2', '--name', 'words')).toBe(0);
    expect(stdout).toContain('Test accuracy 100.00% with k = 1 (12 of 12 images right)');
    expect(stdout).toMatch(/Time to train: none/);
    expect(stdout).toMatch(
      /Time of a query: [\d.e-]+ ms among 9, [\d.e-]+ ms among 18, [\d.e-]+ ms among 36 images\.\nEach query is compared with every image: O\(n\)/,
    );
    expect(stderr).toContain('note: found 36 images in 3 classes to learn from');
    expect(stderr).toContain('note: found 12 images in 3 classes to test with');
  });

  it('tells classes apart that bear one name, and lists classes in the order of their rows', async () => {
    const names = path.join(data, 'names.json');
    await writeFile(names, JSON.stringify({ left: '10', right: 'square', none: 'square' }));
    try {
      expect(await run('knn', '--k', '1', '--folds', '2', '--json', '--name', 'named')).toBe(0);
    } finally {
      await rm(names);
    }
    const { views, runFolder } = JSON.parse(stdout);
    const { classes, confusionMatrix, correct } = views[0];
    // Folders left, none, right.
    expect(classes.map(({ name }: { name: string }) => name)).toEqual(['10', 'square (none)', 'square (right)']);
    expect(classes.map(({ right }: { right: number }) => right)).toEqual(confusionMatrix.map((row: number[], c: number) => row[c]));
    const predictions = await readFile(path.join(runFolder, 'predictions.csv'), 'utf8');
    expect(predictions.match(/,true,/g) ?? []).toHaveLength(correct);
  });

  it.each([
    [['--metric', 'cosinus'], "[--metric] expected l1, l2 or cosine, got 'cosinus'. Did you mean 'cosine'?"],
    [['--k', '0,2'], "[--k] expected integers from 1, such as 1,3,5,10,20, got '0,2'"],
    [['--k', '33', '--folds', '3'], '[--k] expected 1 to 24, as many rows as are outside one of 3 folds, got 33'],
    [['--folds', '1'], '[--folds] expected an integer from 2, got 1'],
    [['--train', 'few'], "[--train] expected an integer from 1, got 'few'"],
    [['--features', 'pixles'], "[--features] expected pixels, a model’s name or a run, got 'pixles'. Did you mean 'pixels'?"],
    [['--features', 'resnt18'], '[--features] expected one of alexnet, course-cnn, '],
    [['--features', 'resnet18'], '[--weights] expected trained weights of resnet18, got none'],
    [['--weights', 'w.pth'], '[--weights] expected --features with a model’s name'],
    [['--classes', '10'], '[--classes] expected --features with a model’s name, got pixels'],
    [['--seed', '4294967296'], '[--seed] expected an integer from 0 to 4294967295, got 4294967296'],
  ])('refuses %j and leaves no run folder', async (args, message) => {
    expect(await run('knn', '--name', 'refused', ...args)).toBe(2);
    expect(stderr).toContain(message);
    expect(await readdir(path.join(folder, 'runs'))).not.toContain('refused');
  });
});

describe('fovea linear', () => {
  const options = ['--epochs', '15', '--batch-size', '12', '--lr', '0.05', '--compare', '0,1', '--sample', '5'];

  it.each(['hinge', 'softmax'])('learns with %s; scores, losses and weights agree', async (loss) => {
    expect(await run('linear', '--loss', loss, ...options, '--json', '--name', `linear-${loss}`)).toBe(0);
    const found = JSON.parse(stdout);
    expect(found).toMatchObject({ data: 'squares', loss, l2: 1e-4, margin: 1, weights: [3, 432], epochs: 15, accuracy: 1 });
    expect(found.history).toHaveLength(15);
    expect(found.compared.map(({ l2 }: { l2: number }) => l2)).toEqual([0, 1e-4, 1]);
    expect(found.compared[2].squaredWeights).toBeLessThan(found.compared[0].squaredWeights);
    expect(found.files).toContain('lambda.png');
    for (const file of found.files.filter((name: string) => name.endsWith('.png')))
      expect(await isPicture(path.join(found.runFolder, file))).toBe(true);

    // The scores are those of the written weights on the picture's levels.
    const file = path.join(found.runFolder, 'weights.safetensors');
    const { tensors } = readSafetensors(await readFile(file), file);
    const weight = tensors.get('weight')!.data as Float32Array;
    const { data: levels } = await sharp(path.join(data, 'test', found.sample.class, '1.png'))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(found.sample).toMatchObject({ index: 5, class: 'none' });
    const scores: { name: string; score: number; term: number }[] = found.sample.scores;
    expect(scores.map(({ name }) => name)).toEqual(['left', 'none', 'right']);
    for (let c = 0; c < 3; c++) {
      let score = (tensors.get('bias')!.data as Float32Array)[c];
      for (let i = 0; i < 432; i++) score += (weight[c * 432 + i] * levels[(i % 144) * 3 + Math.floor(i / 144)]) / 255;
      expect(scores[c].score).toBeCloseTo(score, 5);
    }
    const own = scores[1].score;
    const expected =
      loss === 'hinge'
        ? scores.reduce((sum, { score }, c) => sum + (c === 1 ? 0 : Math.max(0, score - own + 1)), 0)
        : Math.log(scores.reduce((sum, { score }) => sum + Math.exp(score - own), 0));
    expect(found.sample.loss).toBeCloseTo(expected, 8);
  });

  it('adds up what the sample misses of the margin', async () => {
    const lossAfter = async (lr: string) => {
      stdout = '';
      const args = ['--loss', 'hinge', '--lr', lr, '--compare', 'none', '--name', `rate-${lr}`];
      expect(await run('linear', ...options, ...args)).toBe(0);
      return /^loss = .*$/m.exec(stdout)?.[0];
    };
    // What has learned hardly anything misses nearly 1 of both other classes.
    expect(await lossAfter('1e-9')).toMatch(/^loss = \d\.\d{4} \+ \d\.\d{4} = \d\.\d{4}$/);
    expect(await lossAfter('0.05')).toBe('loss = 0.0000');
  });

  it('prints the course’s example and no study where none is wanted', async () => {
    expect(await run('linear', ...options, '--name', 'words')).toBe(0);
    expect(stdout).toContain('W 3 × 432, b 3: 432 weights and a bias for each class, 1299 numbers in all');
    expect(stdout).toContain('w₁·x = 1 and w₂·x = 1, but R(w₁) = 1 and R(w₂) = 0.25.');
    expect(stdout).toMatch(/Scores of test image 5, which is of class none: s = Wx \+ b/);
    stdout = '';
    expect(await run('linear', ...options, '--compare', 'none', '--name', 'short')).toBe(0);
    expect(stdout).not.toContain('lambda.png');
    expect(stdout).not.toContain('Equal scores');
  });

  it.each([
    [['--loss', 'hing'], 2, "[--loss] expected hinge or softmax, got 'hing'. Did you mean 'hinge'?"],
    [['--margin', '-1'], 2, '[--margin] expected a number above 0, got -1'],
    [['--margin', '2'], 2, '[--margin] expected --loss hinge, got --loss softmax, which has no margin'],
    [['--l2', 'much'], 2, "[--l2] expected a number, got 'much'"],
    [['--lr', '0'], 2, '[--lr] expected a number above 0, got 0'],
    [['--schedule', 'stepp'], 2, "[--schedule] expected constant, step or cosine, got 'stepp'. Did you mean 'step'?"],
    [['--compare', '0,-1'], 2, "[--compare] expected numbers from 0, such as 0,0.01,1, or none, got '0,-1'"],
    [['--sample', '12'], 2, '[--sample] expected 0 to 11, a test image, got 12'],
    [['--lr', '1e30', '--l2', '1'], 1, 'expected a finite loss, got NaN. Use a lower learning rate than 1e+30'],
  ])('refuses %j and leaves no run folder', async (args, status, message) => {
    expect(await run('linear', '--name', 'refused', '--compare', 'none', ...args)).toBe(status);
    expect(stderr).toContain(message);
    expect(await readdir(path.join(folder, 'runs'))).not.toContain('refused');
  });
});
