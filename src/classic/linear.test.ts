import { describe, expect, it } from 'vitest';
import { f32, type NumberArray, type StateDict } from '../core/ndarray.ts';
import { Rng } from '../core/rng.ts';
import { LocalEngine } from '../engine/local.ts';
import { createReferenceBackend } from '../engine/reference/backend.ts';
import { evaluate } from '../engine/reference/evaluate.ts';
import { type LinearOptions, trainLinear } from './linear.ts';
import { explainScores, linearScores, squaredWeights } from './linear-scores.ts';
import { linearEvaluationGraph, linearStepGraph } from './linear-step.ts';

const engine = new LocalEngine(createReferenceBackend());

describe('linearStepGraph', () => {
  const [batchSize, width, classes] = [6, 7, 4];
  const rng = new Rng('linear test');
  const draw = (count: number) => Float32Array.from({ length: count }, () => rng.normal());
  const state: StateDict = new Map([
    ['weight', f32(draw(classes * width), [classes, width])],
    ['bias', f32(draw(classes))],
  ]);
  const feeds = { x: draw(batchSize * width), target: Int32Array.from({ length: batchSize }, (_, i) => i % classes) };

  it.each([
    { loss: 'hinge', margin: 1, l2: 0.3 },
    { loss: 'hinge', margin: 2.5, l2: 0 },
    { loss: 'softmax', l2: 0.3 },
  ] as const)('moves every number along the central difference of the loss, %j', async (objective) => {
    const graph = linearStepGraph({ ...objective, batchSize, width, classes, momentum: 0 });
    // The change of one step at rate 1 is the gradient; single precision leaves six digits of it.
    const store = await engine.createStore();
    await store.load(state);
    const program = await engine.compile(graph, store);
    const lr = f32([1], []);
    await program.run({ x: f32(feeds.x, [batchSize, width]), target: { dtype: 'i32', shape: [batchSize], data: feeds.target }, lr });
    const after = await store.read();
    const lossAt = (key: string, i: number, shift: number): number => {
      const { shape, data } = state.get(key)!;
      const moved = new Map(state);
      const numbers = Float64Array.from(data as Float32Array);
      numbers[i] += shift;
      moved.set(key, { dtype: 'f64', shape, data: numbers });
      return evaluate(graph, { ...feeds, lr: Float32Array.of(0) } as Record<string, NumberArray>, moved, 'f64').loss[0];
    };
    for (const key of ['weight', 'bias'])
      for (let i = 0; i < state.get(key)!.data.length; i++) {
        const slope = (lossAt(key, i, 1e-5) - lossAt(key, i, -1e-5)) / 2e-5;
        const change = Number(state.get(key)!.data[i]) - Number(after.get(key)!.data[i]);
        expect(Math.abs(change - slope), `${key} ${i}`).toBeLessThan(2e-5);
      }
  });

  it('penalises the weights and not the bias', () => {
    const run = (l2: number) =>
      evaluate(
        linearStepGraph({ loss: 'softmax', l2, batchSize, width, classes }),
        { ...feeds, lr: Float32Array.of(0) },
        zeroMomentum(),
        'f64',
      );
    const zeroMomentum = (): StateDict =>
      new Map([
        ...state,
        ...(['weight', 'bias'] as const).map(
          (key) => [`optimizer.${key}.momentum_buffer`, f32(new Float32Array(state.get(key)!.data.length), state.get(key)!.shape)] as const,
        ),
      ]);
    const { loss, dataLoss } = run(0.25);
    expect(loss[0] - dataLoss[0]).toBeCloseTo(0.25 * squaredWeights(state.get('weight')!.data as Float32Array), 10);
    expect(run(0).loss[0]).toBeCloseTo(dataLoss[0], 10);
  });

  it('refuses margins and penalties out of range', () => {
    expect(() => linearStepGraph({ margin: 0, batchSize, width, classes })).toThrow(/\[margin\] expected a number above 0, got 0/);
    expect(() => linearStepGraph({ l2: -1, batchSize, width, classes })).toThrow(/\[l2\] expected a number from 0, got -1/);
    expect(() => linearStepGraph({ l2: Number.NaN, batchSize, width, classes })).toThrow(/got NaN/);
  });

  it('evaluates without the penalty', () => {
    const graph = linearEvaluationGraph({ loss: 'hinge', batchSize: 1, width: 3, classes: 3 });
    // Scores 3.2, 5.1, −1.7: the course's cat.
    const identity = f32([1, 0, 0, 0, 1, 0, 0, 0, 1], [3, 3]);
    const model: StateDict = new Map([
      ['weight', identity],
      ['bias', f32([0, 0, 0])],
    ]);
    const { loss } = evaluate(graph, { x: Float32Array.of(3.2, 5.1, -1.7), target: Int32Array.of(0) }, model);
    expect(loss[0]).toBeCloseTo(2.9, 5);
  });
});

describe('explainScores', () => {
  it('gives the course’s numbers', () => {
    const hinge = explainScores([3.2, 5.1, -1.7], 0, { loss: 'hinge' });
    expect(hinge.terms.map(({ term }) => Number(term.toFixed(4)))).toEqual([0, 2.9, 0]);
    expect(hinge.loss).toBeCloseTo(2.9, 10);
    const softmax = explainScores([3.2, 5.1, -1.7], 0);
    expect(softmax.terms.map(({ term }) => Number(term.toFixed(2)))).toEqual([0.13, 0.87, 0]);
    // The natural logarithm; the base-10 one would give 0.89.
    expect(softmax.loss).toBeCloseTo(2.04, 2);
    expect(explainScores([1e4, 0], 1).loss).toBe(1e4);
  });
});

describe('trainLinear', () => {
  const width = 4;
  const classes = 3;
  /** Bytes whose largest of the first three is the class. */
  const made = (count: number, key: string) => {
    const rng = new Rng(key);
    const data = Uint8Array.from({ length: count * width }, () => rng.int(120));
    const labels = Array.from({ length: count }, (_, n) => n % classes);
    for (const [n, label] of labels.entries()) data[n * width + label] += 130;
    return { rows: { data, width }, labels };
  };
  const options: LinearOptions = { train: made(230, 'train'), test: made(61, 'test'), classes, epochs: 12, batchSize: 50, lr: 0.3, l2: 0 };

  it.each(['hinge', 'softmax'] as const)('separates what can be separated, with %s', async (loss) => {
    const shares: number[] = [];
    const { history, predictions, model } = await trainLinear(engine, { ...options, loss, onProgress: (share) => shares.push(share) });
    expect(history).toHaveLength(12);
    expect(history.at(-1)!.testAccuracy).toBe(1);
    expect(history.at(-1)!.trainLoss).toBeLessThan(history[0].trainLoss / 2);
    expect([...predictions]).toEqual(options.test.labels);
    expect([shares.length, shares.at(-1)]).toEqual([60, 1]);
    // The model takes levels from 0 to 1 as they are, although training saw them less their mean.
    const { data } = options.test.rows;
    for (let n = 0; n < 61; n++) {
      const scores = linearScores(
        model,
        Array.from(data.subarray(n * width, (n + 1) * width), (level) => level / 255),
      );
      expect(scores.indexOf(Math.max(...scores))).toBe(predictions[n]);
    }
  });

  it('keeps the weights small where λ is large', async () => {
    const sizes = [];
    for (const l2 of [0, 0.05, 0.5]) sizes.push(squaredWeights((await trainLinear(engine, { ...options, l2 })).model.weight));
    expect(sizes[1]).toBeLessThan(sizes[0] / 2);
    expect(sizes[2]).toBeLessThan(sizes[1] / 2);
  });

  it('goes through ten epochs unless told otherwise, the rate following half a cosine over them', async () => {
    const shares: number[] = [];
    const { epochs, ...rest } = options;
    const { history } = await trainLinear(engine, { ...rest, onProgress: (share) => shares.push(share) });
    expect([history.length, shares.at(-1)]).toEqual([10, 1]);
    expect(history.at(-1)!.lr).toBeCloseTo((rest.lr! * (1 + Math.cos(0.9 * Math.PI))) / 2, 6);
  });

  it('gives the same bits for the same seed, and others for another', async () => {
    const weights = async (seed: number) => (await trainLinear(engine, { ...options, epochs: 1, seed })).model.weight;
    expect(await weights(3)).toEqual(await weights(3));
    expect(await weights(4)).not.toEqual(await weights(3));
  });

  it.each([
    [{ epochs: 0 }, '[epochs] expected an integer from 1, got 0'],
    [{ epochs: 1.5 }, '[epochs] expected an integer from 1, got 1.5'],
    [{ epochs: Number.NaN }, '[epochs] expected an integer from 1, got NaN'],
    [{ lr: 0 }, '[lr] expected a number above 0, got 0'],
    [{ lr: -1 }, '[lr] expected a number above 0, got -1'],
    [{ momentum: 1 }, '[momentum] expected a number from 0 to below 1, got 1'],
    [{ batchSize: 0 }, '[batchSize] expected an integer from 1, got 0'],
    [{ classes: 0 }, '[classes] expected an integer from 1, got 0'],
    [{ loss: 'mse' }, "[loss] expected hinge or softmax, got 'mse'"],
    [{ classes: 2 }, '[linear: train, row 2] expected a label from 0 to 1, got 2'],
    [{ test: { ...options.test, labels: [0, 1] } }, '[linear: test] expected 61 labels, one for each sample, got 2'],
    [{ test: { rows: { data: new Uint8Array(0), width }, labels: [] } }, '[linear: test] expected one or more rows of 4 numbers, got 0'],
    [{ train: { rows: { data: new Uint8Array(6), width }, labels: [0] } }, '[linear: train] expected one or more rows of 4 numbers, got 6'],
  ])('refuses %j', async (wrong, message) => {
    await expect(trainLinear(engine, { ...options, ...wrong } as LinearOptions)).rejects.toThrow(message);
  });

  it('takes options that are undefined as left out', async () => {
    const { train, test, epochs } = options;
    const { model } = await trainLinear(engine, { train, test, classes, epochs });
    const left = { batchSize: undefined, lr: undefined, momentum: undefined, loss: undefined, margin: undefined, l2: undefined };
    expect((await trainLinear(engine, { train, test, classes, epochs, ...left })).model).toEqual(model);
  });

  it('refuses rows of two widths and says when the loss explodes', async () => {
    const other = { rows: { data: new Uint8Array(5), width: 5 }, labels: [0] };
    await expect(trainLinear(engine, { ...options, test: other })).rejects.toThrow(/test rows of 4 numbers.*got 5/);
    await expect(trainLinear(engine, { ...options, lr: 1e30, l2: 1 })).rejects.toThrow(
      /step \d+\] expected a finite loss.*lower learning rate than 1e\+30/,
    );
  });
});
