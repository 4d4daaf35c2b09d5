import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { writeStateFile } from '../data/state-file.ts';
import type { Explanation } from '../explain/index.ts';
import { createModel } from '../models/index.ts';
import { initialState } from '../nn/index.ts';
import { runCommand } from './program.ts';

let [stdout, stderr] = ['', ''];
let [folder, seven, weights] = ['', '', ''];
const drawing =
  '<svg width="100" height="100"><rect width="100" height="100" fill="#fff"/><path d="M30 20H70L45 85" fill="none" stroke="#000" stroke-width="8"/></svg>';

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-explain-'));
  seven = path.join(folder, 'seven.png');
  weights = path.join(folder, 'numbers.safetensors');
  await sharp(Buffer.from(drawing)).png().toFile(seven);
  const state = initialState(createModel('course-cnn', { classes: 10 }), 0);
  // Filter 0 of the first layer adds up what it sees.
  const filters = state.get('conv1.0.weight')!.data as Float32Array;
  filters.fill(1, 0, 25);
  (state.get('conv1.0.bias')!.data as Float32Array)[0] = 0.5;
  await writeStateFile(weights, state);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

beforeEach(() => {
  [stdout, stderr] = ['', ''];
  vi.spyOn(console, 'log').mockImplementation((text) => {
    stdout += `${text}\n`;
  });
  vi.spyOn(console, 'error').mockImplementation((text) => {
    stderr += `${text}\n`;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

const explain = (...args: string[]) => runCommand(['explain', 'course-cnn', seven, '--engine', 'reference', ...args]);

describe('fovea explain', () => {
  it('prints window, weights and products of a convolution', async () => {
    expect(await explain('--weights', weights, '--layer', 'conv1.0', '--at', '0,27,0')).toBe(0);
    expect(stdout).toBe(`conv1.0 (Conv2d), channel 0, row 27, column 0 of 16×28×28: 0.5

window: rows 25 to 29, columns -2 to 2 of the input 1×28×28; (0) is padding

channel 0
window                weights     window · weight
(0) (0)   0   0   0   1 1 1 1 1   0 0 0 0 0
(0) (0)   0   0   0   1 1 1 1 1   0 0 0 0 0
(0) (0)   0   0   0   1 1 1 1 1   0 0 0 0 0
(0) (0) (0) (0) (0)   1 1 1 1 1   0 0 0 0 0
(0) (0) (0) (0) (0)   1 1 1 1 1   0 0 0 0 0
sum of the products: 0

0 (channel 0) + 0.5 (bias) = 0.5

engine: 0.5, difference 0.0e+0
`);
    expect(stderr).toBe('');
  });

  it('prints JSON, at the largest number by default, and says that weights are fresh', async () => {
    expect(await explain('--layer', 'softmax', '--label', '7', '--json')).toBe(0);
    const { layer, value, derivation } = JSON.parse(stdout) as Explanation;
    expect(layer).toBe('softmax');
    if (derivation.form !== 'softmax') throw new Error(derivation.form);
    expect(value).toBeCloseTo(Math.max(...derivation.probabilities), 6);
    expect(derivation.loss?.computed).toBeCloseTo(-Math.log(derivation.probabilities[7]), 6);
    expect(stderr).toBe('note: weights are fresh (seed 0), not trained\n');
  });

  it.each([
    [['--layer', 'conv9'], 2, "Did you mean 'conv1.0'?"],
    [['--layer', 'conv1.0', '--at', '0,28,0'], 2, '[conv1.0] expected row from 0 to 27 (result [16,28,28]), got 28.'],
    [
      ['--layer', 'conv1.0', '--at', 'middle'],
      2,
      "[--at] expected integers from 0, such as 3,10,12 (channel, row, column) or 3, got 'middle'.",
    ],
    [['--layer', 'softmax', '--label', 'seven'], 2, "[--label] expected a class’s number from 0, got 'seven'."],
    [['--layer', 'softmax', '--label', '10'], 2, '[--label] expected a class from 0 to 9, got 10.'],
    [['--layer', 'conv1.0', '--label', '7'], 2, '[--label] expected --layer softmax beside it, got --layer conv1.0.'],
    [['--layer', 'conv1.0', '--weights', 'none.pth'], 1, 'none.pth'],
    [['--layer', 'conv1.0', '--weights', 'imagenet'], 2, 'there are no ImageNet weights for course-cnn'],
  ])('%j ends with %i', async (args, status, message) => {
    expect(await explain(...args)).toBe(status);
    expect(stderr).toContain(message);
  });

  it('lists classes that have names, with the nearest', async () => {
    const args = ['--weights', weights, '--layer', 'softmax', '--label', 'goldfsh'];
    expect(await runCommand(['explain', 'squeezenet1_0', seven, ...args])).toBe(2);
    expect(stderr).toBe(
      'error: [--label] expected one of 1000 classes (tench, goldfish, great white shark, tiger shark, hammerhead, …) or its number from 0, ' +
        "got 'goldfsh'. Did you mean 'goldfish'?\n",
    );
  });

  it('needs a layer', async () => {
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
      stderr += text;
      return true;
    });
    expect(await explain()).toBe(2);
    expect(stderr).toContain("required option '--layer <name>' not specified");
  });
});
