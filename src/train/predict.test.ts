import { describe, expect, it } from 'vitest';
import { f32, type StateDict } from '../core/ndarray.ts';
import type { Dataset } from '../data/dataset.ts';
import { LocalEngine } from '../engine/local.ts';
import { createReferenceBackend } from '../engine/reference/backend.ts';
import type { Tensor } from '../graph/tensor.ts';
import { Linear } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { flatten } from '../ops/index.ts';
import { evaluate } from './evaluate.ts';
import { watchedEngine } from './points.fixture.ts';
import { predict } from './predict.ts';

/** The logits are the two pixels. */
class Pixels extends Module {
  out = new Linear(2, 2);
  override forward(x: Tensor): Tensor {
    return this.out.forward(flatten(x));
  }
}
const model = new Pixels();
const state = (weight: number[]): StateDict =>
  new Map([
    ['out.weight', f32(weight, [2, 2])],
    ['out.bias', f32([0, 0])],
  ]);
const identity = state([1, 0, 0, 1]);
const engine = new LocalEngine(createReferenceBackend());

describe('predict', () => {
  it('gives probabilities, the highest first, in the order of the classes among equals', async () => {
    const x = f32([0, Math.log(3), 2, 2], [2, 1, 1, 2]);
    const [first, second] = await predict({ model, state: identity, classes: ['cat', 'dog'], x, engine });
    expect(first.map((g) => g.className)).toEqual(['dog', 'cat']);
    expect(first[0].prob).toBeCloseTo(0.75, 6);
    expect(second.map((g) => [g.classIndex, g.prob])).toEqual([
      [0, 0.5],
      [1, 0.5],
    ]);
    expect(await predict({ model, state: identity, classes: ['cat', 'dog'], x, topK: 1, engine })).toEqual([[first[0]], [second[0]]]);
  });

  it('refuses pictures that do not fit and logits that are not finite', async () => {
    const classes = ['cat', 'dog'];
    await expect(predict({ model, state: identity, classes, x: f32([1, 2]), engine })).rejects.toThrow(
      'expected pictures [N,C,H,W], got [2]',
    );
    const x = f32([1, 2], [1, 1, 1, 2]);
    await expect(predict({ model, state: state([3e38, 3e38, 0, 1]), classes, x, engine })).rejects.toThrow('finite logits');
  });

  it('refuses numbers that are not finite, which an engine may hide', async () => {
    const classes = ['cat', 'dog'];
    const x = f32([1, 2], [1, 1, 1, 2]);
    const broken = predict({ model, state: state([Number.NaN, 0, 0, 1]), classes, x, engine });
    await expect(broken).rejects.toThrow('[predict] expected finite numbers in out.weight, got NaN.');
    const dark = f32([1, Number.NEGATIVE_INFINITY], [1, 1, 1, 2]);
    const picture = predict({ model, state: identity, classes, x: dark, engine });
    await expect(picture).rejects.toThrow('[predict] expected finite numbers in x, got -Infinity.');
  });

  it('refuses classes that are not as many as the scores, whose rows would be mixed up', async () => {
    const x = f32([0, 1, 1, 0], [2, 1, 1, 2]);
    for (const classes of [['cat'], ['cat', 'dog', 'owl']])
      await expect(predict({ model, state: identity, classes, x, engine })).rejects.toThrow(
        `[predict] expected a network with ${classes.length} scores, one a class, got [2,2].`,
      );
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses the %d most probable classes', async (topK) => {
    const x = f32([0, 1], [1, 1, 1, 2]);
    await expect(predict({ model, state: identity, classes: ['a', 'b'], x, topK, engine })).rejects.toThrow(
      '[topK] expected an integer from 1',
    );
  });
});

describe('evaluate', () => {
  /** 2500 samples: two full batches and a smaller one. Sample i shows class i % 2, and is labelled so but for the first ten. */
  const dataset: Dataset = {
    name: 'stripes',
    length: 2500,
    classes: ['left', 'right'],
    sampleShape: [1, 1, 2],
    labels: Int32Array.from({ length: 2500 }, (_, i) => (i < 10 ? 1 - (i % 2) : i % 2)),
    read: (indices, into) => {
      for (let n = 0; n < indices.length; n++) into.set(indices[n] % 2 ? [0, 1] : [1, 0], 2 * n);
    },
  };

  it('averages over all samples, those of the last smaller batch too', async () => {
    const { accuracy, loss, logits } = await evaluate({ model, state: identity, dataset, engine });
    expect(accuracy).toBe(2490 / 2500);
    const right = Math.log(1 + Math.exp(-1));
    expect(loss).toBeCloseTo((2490 * right + 10 * (right + 1)) / 2500, 5);
    expect([...logits.slice(0, 2), ...logits.slice(-2)]).toEqual([1, 0, 0, 1]);
  });

  it('refuses a loss that is not finite, and numbers that are not', async () => {
    const failing = (weights: number[], samples = dataset) => evaluate({ model, state: state(weights), dataset: samples, engine });
    await expect(failing([3e38, 3e38, -3e38, 1])).resolves.toMatchObject({ accuracy: expect.any(Number) });
    await expect(failing([Number.NaN, 0, 0, 1])).rejects.toThrow('[stripes] expected finite numbers in out.weight, got NaN');
    const torn: Dataset = {
      ...dataset,
      read: (indices, into) => {
        dataset.read(indices, into);
        for (let n = 0; n < indices.length; n++) if (indices[n] === 777) into[2 * n + 1] = Number.NaN;
      },
    };
    await expect(failing([1, 0, 0, 1], torn)).rejects.toThrow('[stripes, sample 777] expected finite numbers, got NaN');
  });

  it('refuses a data set without samples', async () => {
    await expect(evaluate({ model, state: identity, dataset: { ...dataset, length: 0 }, engine })).rejects.toThrow(
      '[stripes] expected samples, got none',
    );
  });

  it('leaves nothing open in an engine that is given, whatever goes wrong', async () => {
    const { engine: watched, open } = watchedEngine();
    const lacking = new Map([...identity].slice(0, 1));
    const x = f32([0, 1], [1, 1, 1, 2]);
    await expect(predict({ model, state: lacking, classes: ['a', 'b'], x, engine: watched })).rejects.toThrow('out.bias');
    await expect(evaluate({ model, state: lacking, dataset, engine: watched })).rejects.toThrow('out.bias');
    await evaluate({ model, state: identity, dataset, engine: watched });
    expect(open()).toBe(0);
  });
});
