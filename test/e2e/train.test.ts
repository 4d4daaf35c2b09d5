import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadMnist } from '../../src/data/mnist.ts';
import { fovea, type Outcome, shortRun } from './command.ts';

let cwd: string;
let trained: Outcome;
beforeAll(async () => {
  cwd = await mkdtemp(path.join(tmpdir(), 'fovea-e2e-'));
  trained = await fovea([...shortRun, '--epochs', '2', '--eval-every', '25'], { cwd });
});
afterAll(() => rm(cwd, { recursive: true }));

const inRun = (...parts: string[]) => path.join(cwd, 'runs', 'mnist', ...parts);

describe('fovea train mnist', () => {
  it('prints a line every so many batches, and ends well', () => {
    expect(trained.stderr).toBe('');
    expect(trained.status).toBe(0);
    const lines = trained.stdout.split('\n').filter((line) => line.startsWith('epoch'));
    expect(lines).toHaveLength(4);
    const form = /^epoch 1 {2}\[1600\/3200 \( 50%\)\] {2}loss \d\.\d{4} {2}train \d\d\.\d\d% {2}test \d\d\.\d\d%$/;
    expect(lines[0]).toMatch(form);
  });

  it('counts one image as one', async () => {
    const args = [...shortRun, '--limit', '1', '--batch-size', '1', '--name', 'one'];
    const { stdout, status } = await fovea(args, { cwd });
    expect(status).toBe(0);
    expect(stdout).toContain('Training course-cnn on mnist: 1 training image, 1 test image\n1 epoch, 1 image a step,');
    expect(stdout).toMatch(/\([01] of 1 image right\)/);
  });

  it('reaches 88 % with 3200 images, twice', () => {
    const [, accuracy] = /^Test accuracy (\d+\.\d+)%/m.exec(trained.stdout)!;
    expect(Number(accuracy)).toBeGreaterThanOrEqual(88);
  });

  it('leaves pictures, tables and weights', async () => {
    for (const name of ['curves.png', 'confusion_matrix.png', 'misclassified.png']) {
      const { format, width, height } = await sharp(inRun(name)).metadata();
      expect({ name, format }).toEqual({ name, format: 'png' });
      expect(Math.min(width, height)).toBeGreaterThan(200);
    }
    expect(await readFile(inRun('curves.svg'), 'utf8')).toMatch(/^<svg[\s\S]*<\/svg>\s*$/);
    expect(JSON.parse(await readFile(inRun('args.json'), 'utf8'))).toMatchObject({ data: 'mnist', epochs: 2, batchSize: 64, limit: 3200 });
    const results = (await readFile(inRun('results.csv'), 'utf8')).trim().split('\n');
    expect(results).toHaveLength(1 + 4);
    expect(results[0]).toBe('epoch,step,seconds,images_per_s,train_loss,train_accuracy,test_loss,test_accuracy,lr');
    expect(results[4].split(',').slice(0, 2)).toEqual(['2', '100']);
    const predictions = (await readFile(inRun('predictions.csv'), 'utf8')).trim().split('\n');
    expect(predictions).toHaveLength(1 + 3200);
  });

  it('never writes over another run', async () => {
    const again = await fovea([...shortRun, '--limit', '64'], { cwd });
    expect(again.stdout).toContain(`Run folder: ${path.join('runs', 'mnist2')}`);
  });

  it('--json prints one object a line', async () => {
    const { stdout, status } = await fovea([...shortRun, '--limit', '128', '--name', 'json', '--json'], { cwd });
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(events.map((e) => e.event)).toEqual(['start', 'evaluation', 'end']);
    expect(events[2]).toMatchObject({ step: 2, runFolder: path.join('runs', 'json'), testAccuracy: events[1].testAccuracy });
    expect(status).toBe(0);
  });
});

it('out of patience it says so, and counts the images it has seen', async () => {
  const patient = ['--limit', '64', '--epochs', '1000', '--patience', '1', '--lr', '1e-12', '--name', 'patient'];
  const { stdout, status } = await fovea([...shortRun, ...patient], { cwd });
  expect(status).toBe(0);
  expect(stdout).toContain('Ended with epoch 2 of 1000: no higher accuracy for --patience 1');
  const [, seconds, speed] = /of which training (\S+) s \((\d+) images\/s\)/.exec(stdout)!;
  // The time is rounded to tenths: near zero it says little, but 1000 epochs are too many.
  expect(Number(speed) * (Number(seconds) + 0.05)).toBeLessThan(1000 * 64);
});

describe('fovea val', () => {
  it('finds the accuracy that training reported', async () => {
    const { stdout, status } = await fovea(['val', 'runs/mnist', '--json'], { cwd });
    expect(status).toBe(0);
    const { accuracy, images, confusionMatrix, classes } = JSON.parse(stdout);
    expect(trained.stdout).toContain(`${(100 * accuracy).toFixed(2)}%`);
    expect(images).toBe(3200);
    expect(confusionMatrix.flat().reduce((a: number, b: number) => a + b)).toBe(3200);
    expect(classes.map((one: { class: string }) => one.class)).toEqual([...'0123456789']);
  });

  it('takes a checkpoint file and prints a table', async () => {
    const { stdout } = await fovea(['val', 'runs/mnist/weights/last.safetensors'], { cwd });
    expect(stdout).toMatch(/^class +precision +recall +F1 +images$/m);
    expect(stdout.match(/^\d +\d+\.\d\d% /gm)).toHaveLength(10);
  });
});

describe('fovea predict', () => {
  it('recognises digits in picture files, dark on light and large too', async () => {
    const { test } = await loadMnist();
    await mkdir(path.join(cwd, 'digits'));
    const values = new Float32Array(784);
    const files: string[] = [];
    for (let i = 0; i < 12; i++) {
      await test.read([i], values);
      const inverted = i % 2 === 1;
      const pixels = Uint8Array.from(values, (v) => Math.round(255 * (inverted ? 1 - v : v)));
      const file = path.join('digits', i % 3 === 0 ? `${i}.jpg` : `${i}.png`);
      await sharp(pixels, { raw: { width: 28, height: 28, channels: 1 } })
        .resize(28 * (1 + i))
        .toFile(path.join(cwd, file));
      files.push(file);
    }
    const { stdout, status } = await fovea(['predict', ...files, '--weights', 'runs/mnist', '--json'], { cwd });
    expect(status).toBe(0);
    const results: { image: string; guesses: { className: string; prob: number }[] }[] = JSON.parse(stdout);
    expect(results.map((r) => r.image)).toEqual(files);
    const right = results.filter((r, i) => r.guesses[0].className === `${test.labels[i]}`).length;
    expect(right).toBeGreaterThanOrEqual(10);
    for (const { guesses } of results) expect(guesses).toHaveLength(5);
    for (const { guesses } of results) expect(guesses.map((g) => g.prob)).toEqual(guesses.map((g) => g.prob).toSorted((a, b) => b - a));
  });

  it('prints a line for each picture', async () => {
    const { stdout } = await fovea(['predict', 'digits/1.png', 'digits/2.png', '--weights', 'runs/mnist', '--topk', '2'], { cwd });
    expect(stdout.trim().split('\n')).toHaveLength(2);
    expect(stdout).toMatch(/^digits\/1\.png +\d +\d+\.\d% +\d +\d+\.\d%$/m);
  });

  it.skipIf(process.platform === 'win32')('shows control characters in names of files', async () => {
    const [sound, broken] = ['digits/\u001b[31m.png', 'digits/\n.png'];
    await copyFile(path.join(cwd, 'digits/1.png'), path.join(cwd, sound));
    await writeFile(path.join(cwd, broken), 'no picture');
    const { stdout, stderr } = await fovea(['predict', sound, broken, '--weights', 'runs/mnist', '--topk', '1'], { cwd });
    expect(stdout).toMatch(/^digits\/\\u001b\[31m\.png +\d +\d+\.\d%\n$/);
    expect(stderr).toMatch(/^error: \[digits\/\\u000a\.png\] expected a picture, got .+\n$/);
  });

  it('names pictures that show no digit, and tells of the others', async () => {
    await writeFile(path.join(cwd, 'digits', 'text.png'), 'no picture');
    await sharp({ create: { width: 40, height: 40, channels: 3, background: 'white' } }).toFile(path.join(cwd, 'digits', 'blank.png'));
    const files = ['digits/text.png', 'digits/1.png', 'digits/blank.png'];
    const { stdout, stderr, status } = await fovea(['predict', ...files, '--weights', 'runs/mnist', '--topk', '1'], { cwd });
    expect(status).toBe(1);
    expect(stdout).toMatch(/^digits\/1\.png +\d +\d+\.\d%\n$/);
    expect(stderr).toMatch(
      /^error: \[digits\/text\.png\] expected a picture, got .+\nerror: \[digits\/blank\.png\] .+ a blank picture\.\n$/,
    );
  });
});

describe('fovea doctor', () => {
  it('says which engine there is', async () => {
    const { stdout, status } = await fovea(['doctor', '--json'], { cwd });
    const { engine, problem } = JSON.parse(stdout);
    expect(engine ?? problem).toBeTruthy();
    expect(status).toBe(engine ? 0 : 1);
    // The file itself, not the name that the loader looked for.
    if (engine && process.platform !== 'win32') expect(existsSync(engine.file)).toBe(true);
  });

  it('prints a table whose values begin in one column', async () => {
    const { stdout } = await fovea(['doctor'], { cwd });
    const starts = stdout
      .split('\n\n')[0]
      .trim()
      .split('\n')
      .map((line) => /^\w+( \w+)* {2,}/.exec(line)?.[0].length);
    expect(starts.length).toBeGreaterThan(4);
    expect(new Set(starts).size).toBe(1);
  });
});
