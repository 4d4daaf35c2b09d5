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
    await expect(predict({ model, state: state([Number.NaN, 0, 0, 1]), classes, x, engine })).rejects.toThrow('finite logits');
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

  it('refuses a loss that is not finite', async () => {
    await expect(evaluate({ model, state: state([Number.NaN, 0, 0, 1]), dataset, engine })).rejects.toThrow(
      '[stripes] expected a finite loss',
    );
  });
});
