import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { f32, type NdArray, type StateDict } from '../core/ndarray.ts';
import { Rng } from '../core/rng.ts';
import { type Shape, sizeOf } from '../core/shape.ts';
import type { Engine, Program } from '../engine/engine.ts';
import { LocalEngine } from '../engine/local.ts';
import { createReferenceBackend } from '../engine/reference/backend.ts';
import type { Tensor } from '../graph/tensor.ts';
import { createModel } from '../models/index.ts';
import { AvgPool2d, BatchNorm2d, Conv2d, initialState, Linear, MaxPool2d, Module } from '../nn/index.ts';
import { adaptiveAvgPool2d, add, concat, flatten, relu } from '../ops/index.ts';
import { type ExplainOptions, explainValue } from './explain-value.ts';
import type { Derivation, Explanation } from './explanation.ts';
import { formatExplanation } from './explanation-text.ts';

let engine: Engine;
beforeAll(() => {
  engine = new LocalEngine(createReferenceBackend());
});
afterAll(() => engine.close());

const explain = (options: Omit<ExplainOptions, 'engine'>): Promise<Explanation> => explainValue({ ...options, engine });

type FormOf<F extends Derivation['form']> = Derivation & { form: F };
function as<F extends Derivation['form']>(form: F, { derivation }: Explanation): FormOf<F> {
  expect(derivation.form).toBe(form);
  return derivation as FormOf<F>;
}

const state = (rows: Record<string, [Shape, number[]]>): StateDict =>
  new Map(Object.entries(rows).map(([k, [shape, v]]) => [k, f32(v, shape)]));
const picture = (shape: Shape, seed = 1): NdArray<'f32'> => {
  const rng = new Rng(seed);
  return f32(
    Float32Array.from({ length: sizeOf(shape) }, () => rng.normal()),
    shape,
  );
};

/** The worked example of the course's kind: three channels of whole numbers, whose sums 0, 2 and 0 and the bias 1 make 3. */
describe('a convolution on paper', () => {
  class Paper extends Module {
    conv = new Conv2d(3, 2, 3, { stride: 2, padding: 1 });
    override forward(x: Tensor): Tensor {
      return relu(this.conv.forward(x));
    }
  }
  const red = [0, 0, 1, 0, 2, 1, 1, 1, 2];
  const green = [0, 1, 2, 1, 1, 0, 2, 0, 1];
  const blue = [2, 2, 0, 0, 1, 1, 1, 0, 1];
  const weights = [
    [9, 9, 9, 9, 1, 1, 9, 1, 0],
    [9, 9, 9, 9, 1, 0, 9, 1, 1],
    [9, 9, 9, 9, -1, 1, 9, 0, 0],
  ];
  const numbers = state({
    'conv.weight': [
      [2, 3, 3, 3],
      [...new Array(27).fill(0), ...weights.flat()],
    ],
    'conv.bias': [[2], [-5, 1]],
  });
  const input = f32([...red, ...green, ...blue], [3, 3, 3]);
  const at = (row: number, col: number) =>
    explain({ module: new Paper(), state: numbers, input, layer: 'conv', position: { channel: 1, row, col } });

  it('lists window, weights, products and sums channel by channel', async () => {
    const explanation = await at(0, 0);
    const { window, channels, bias } = as('convolution', explanation);
    expect(window).toEqual({
      rows: [-1, 0, 1],
      cols: [-1, 0, 1],
      padding: [
        [true, true, true],
        [true, false, false],
        [true, false, false],
      ],
    });
    expect(channels[0]).toEqual({
      channel: 0,
      inputs: [
        [0, 0, 0],
        [0, 0, 0],
        [0, 0, 2],
      ],
      weights: [
        [9, 9, 9],
        [9, 1, 1],
        [9, 1, 0],
      ],
      products: [
        [0, 0, 0],
        [0, 0, 0],
        [0, 0, 0],
      ],
      sum: 0,
    });
    expect(channels.map((c) => c.sum)).toEqual([0, 2, 0]);
    expect(explanation).toMatchObject({ layer: 'conv', kind: 'Conv2d', value: 3, computed: 3, difference: 0 });
    expect(bias).toBe(1);
    expect(explanation).toMatchObject({ inputShape: [3, 3, 3], outputShape: [2, 2, 2], position: { channel: 1, row: 0, col: 0 } });
  });

  it('prints it as one would write it', async () => {
    expect(formatExplanation(await at(0, 0))).toBe(`conv (Conv2d), channel 1, row 0, column 0 of 2×2×2: 3

window: rows -1 to 1, columns -1 to 1 of the input 3×3×3; (0) is padding

channel 0
window        weights   window · weight
(0) (0) (0)   9 9 9     0 0 0
(0)   0   0   9 1 1     0 0 0
(0)   0   2   9 1 0     0 0 0
sum of the products: 0

channel 1
window        weights   window · weight
(0) (0) (0)   9 9 9     0 0 0
(0)   0   1   9 1 0     0 0 0
(0)   1   1   9 1 1     0 1 1
sum of the products: 2

channel 2
window        weights    window · weight
(0) (0) (0)    9  9  9    0  0  0
(0)   2   2    9 -1  1    0 -2  2
(0)   0   1    9  0  0    0  0  0
sum of the products: 0

0 (channel 0) + 2 (channel 1) + 0 (channel 2) + 1 (bias) = 3

engine: 3, difference 0.0e+0`);
  });

  it('says what part of a large value the difference is', async () => {
    const text = (value: number, difference: number, explanation: Explanation) => formatExplanation({ ...explanation, value, difference });
    const explanation = await at(0, 0);
    expect(text(-634, 2.3e-4, explanation)).toMatch(/difference 2\.3e-4, 3\.6e-7 of the value: single precision has 7 digits$/);
    expect(text(634, 1e-4, explanation)).toMatch(/difference 1\.0e-4$/);
  });

  it('takes the largest result where no position is given, within what is given', async () => {
    const base = { module: new Paper(), state: numbers, input, layer: 'conv' };
    expect((await explain(base)).position).toEqual({ channel: 1, row: 0, col: 1 });
    expect((await explain({ ...base, position: { row: 1 } })).position).toMatchObject({ row: 1 });
    expect((await explain({ ...base, position: { channel: 0 } })).position).toEqual({ channel: 0, row: 0, col: 0 });
  });

  it('clips in ReLU', async () => {
    const explanation = await explain({
      module: new Paper(),
      state: numbers,
      input,
      layer: 'relu',
      position: { channel: 0, row: 0, col: 0 },
    });
    expect(as('relu', explanation).input).toBe(-5);
    expect(explanation.value).toBe(0);
    expect(formatExplanation(explanation)).toContain('max(-5, 0) = 0');
  });
});

class Many extends Module {
  conv = new Conv2d(4, 6, 3, { groups: 2, dilation: 2, padding: [1, 2] });
  bn = new BatchNorm2d(6, { eps: 1e-3 });
  max = new MaxPool2d(3, { stride: 2, padding: 1, ceilMode: true });
  counted = new AvgPool2d(3, { stride: 2, padding: 1, ceilMode: true });
  uncounted = new AvgPool2d(3, { stride: 2, padding: 1, ceilMode: true, countIncludePad: false });
  wide = new Conv2d(12, 3, 1);
  out = new Linear(3 * 2 * 2, 4);
  override forward(x: Tensor): Tensor {
    const y = relu(this.bn.forward(this.conv.forward(x)));
    const joined = concat([this.max.forward(y), add(this.counted.forward(y), this.uncounted.forward(y))]);
    return this.out.forward(flatten(adaptiveAvgPool2d(this.wide.forward(joined), 2)));
  }
}

describe('every kind of layer adds up to the engine’s value', () => {
  const module = new Many();
  const numbers = initialState(module, 3);
  for (const [name, { data }] of numbers) if (name.startsWith('bn.')) for (let i = 0; i < data.length; i++) data[i] = 0.5 + (i % 3) / 4;
  const input = picture([4, 9, 8]);
  const layers = ['conv', 'bn', 'relu', 'max', 'counted', 'uncounted', 'add', 'wide', 'adaptiveAvgPool2d', 'out', 'softmax'];

  it.each(layers)('%s, at its corners, middle and maximum', async (layer) => {
    const best = await explain({ module, state: numbers, input, layer });
    const [channels, height = 1, width = 1] = best.outputShape;
    for (const [row, col] of [
      [0, 0],
      [height - 1, width - 1],
      [height >> 1, width >> 1],
    ]) {
      const explanation = await explain({ module, state: numbers, input, layer, position: { channel: channels - 1, row, col } });
      expect(explanation.difference).toBeLessThan(1e-5);
      expect(explanation.value).toBeLessThanOrEqual(best.value);
      expect(formatExplanation(explanation)).toContain(`engine: `);
    }
  });

  it('divides a mean by what counts', async () => {
    const position = { channel: 0, row: 0, col: 0 };
    expect(as('mean', await explain({ module, state: numbers, input, layer: 'counted', position })).count).toBe(9);
    expect(as('mean', await explain({ module, state: numbers, input, layer: 'uncounted', position })).count).toBe(4);
    // A window that hangs over the padding by ceil mode: torch counts the two columns in it.
    const last = { ...position, col: 4 };
    expect(as('mean', await explain({ module, state: numbers, input, layer: 'counted', position: last })).count).toBe(6);
    expect(as('mean', await explain({ module, state: numbers, input, layer: 'uncounted', position: last })).count).toBe(2);
  });

  it('names the winner of a maximum', async () => {
    const explanation = await explain({ module, state: numbers, input, layer: 'max', position: { channel: 2, row: 0, col: 1 } });
    const { window, inputs, winner } = as('max', explanation);
    expect(inputs[window.rows.indexOf(winner.row)][window.cols.indexOf(winner.col)]).toBe(explanation.value);
    expect(formatExplanation(explanation)).toContain(`from row ${winner.row}, column ${winner.col}`);
  });

  it('takes the first of equals', async () => {
    const pool = new MaxPool2d(2);
    const { derivation } = await explain({ module: pool, state: new Map(), input: f32([1, 3, 3, 3], [1, 2, 2]), layer: 'maxPool2d' });
    expect(derivation).toMatchObject({ form: 'max', winner: { row: 0, col: 1 } });
  });

  it('tells where a feature stood before it was flattened', async () => {
    const { terms } = as('linear', await explain({ module, state: numbers, input, layer: 'out' }));
    expect(terms[0].from).toEqual({ channel: 0, row: 0, col: 0 });
    expect(terms[11].from).toEqual({ channel: 2, row: 1, col: 1 });
    expect(terms[6].from).toEqual({ channel: 1, row: 1, col: 0 });
  });

  it('lists the strongest of many channels and the sum of the rest', async () => {
    const many = new Conv2d(12, 1, 2);
    const text = formatExplanation(await explain({ module: many, state: initialState(many), input: picture([12, 3, 3]), layer: 'conv2d' }));
    expect(text).toContain('12 input channels; the 4 with the largest sums:');
    expect(text.match(/^channel /gm)).toHaveLength(4);
    expect(text).toMatch(/ {2}the other 2\n.* {2}bias\n─+\n.* {2}sum/);
  });

  it('prints terms that add up to the printed sum', async () => {
    const text = formatExplanation(await explain({ module, state: numbers, input, layer: 'wide' }));
    const column = [...text.matchAll(/^ *(-?[\d.]+) {2}(.*)$/gm)].map((m) => ({ value: Number(m[1]), name: m[2] }));
    const terms = column.filter(({ name }) => name !== 'sum').reduce((sum, { value }) => sum + value, 0);
    expect(column).toHaveLength(13);
    expect(Math.abs(terms - column.at(-1)!.value)).toBeLessThan(1e-4);
  });

  it('sees a group’s own channels only', async () => {
    const { channels } = as('convolution', await explain({ module, state: numbers, input, layer: 'conv', position: { channel: 5 } }));
    expect(channels.map((c) => c.channel)).toEqual([2, 3]);
  });
});

describe('softmax', () => {
  class Scores extends Module {
    override forward(x: Tensor): Tensor {
      return flatten(x);
    }
  }
  const options = { module: new Scores(), state: new Map(), layer: 'softmax' };

  it('gives the course’s probabilities and the natural logarithm', async () => {
    const explanation = await explain({ ...options, input: f32([3.2, 5.1, -1.7], [3, 1, 1]), position: { channel: 0 }, label: 0 });
    const { exponentials, sum, probabilities, loss } = as('softmax', explanation);
    expect(exponentials.map((e) => Number(e.toFixed(1)))).toEqual([24.5, 164, 0.2]);
    expect(sum).toBeCloseTo(188.737, 2);
    expect(probabilities.map((p) => Number(p.toFixed(2)))).toEqual([0.13, 0.87, 0]);
    // torch.nn.functional.cross_entropy(torch.tensor([[3.2, 5.1, -1.7]]), torch.tensor([0]))
    expect(loss?.value).toBeCloseTo(2.0404, 4);
    expect(loss?.computed).toBeCloseTo(2.0404, 4);
    const text = formatExplanation(explanation, { classes: ['cat', 'car', 'frog'] });
    expect(text.split('\n').slice(0, 8)).toEqual([
      'softmax, number 0 (cat) of 3: 0.129983',
      '',
      '        score  exp(score)  probability',
      'cat    3.2000   24.532531     0.129983',
      'car    5.1000  164.021892     0.869050',
      'frog  -1.7000    0.182684     0.000968',
      'sum            188.737107     1.000000',
      '',
    ]);
    expect(text).toContain('loss if the truth is cat: −ln 0.129983 = 2.040355 (natural logarithm)');
  });

  it('subtracts the largest score where powers would be unwieldy', async () => {
    const { shift, exponentials } = as('softmax', await explain({ ...options, input: f32([900, 899], [2, 1, 1]) }));
    expect(shift).toBe(900);
    expect(exponentials[1]).toBeCloseTo(Math.exp(-1), 6);
  });

  it('refuses a class that does not exist', async () => {
    await expect(explain({ ...options, input: f32([1, 2], [2, 1, 1]), label: 2 })).rejects.toMatchObject({
      exitCode: 2,
      message: '[label] expected a class from 0 to 1, got 2.',
    });
  });
});

describe('what cannot be explained', () => {
  const module = createModel('course-cnn', { classes: 10 });
  const options = { module, state: initialState(module), input: picture([1, 28, 28]) };

  it.each([
    [
      { layer: 'conv9' },
      "[layer] expected one of conv1.0, conv1.1, conv1.2, conv2.0, conv2.1, conv2.2, out, softmax, got 'conv9'. Did you mean 'conv1.0'?",
    ],
    [{ layer: '2.2' }, "got '2.2'. Did you mean 'conv2.2'?"],
    [{ layer: 'flatten' }, "[flatten] expected a layer that computes numbers, got 'Flatten', which only moves them."],
    [{ layer: 'conv1.0', position: { channel: 16 } }, '[conv1.0] expected channel from 0 to 15 (result [16,28,28]), got 16.'],
    [{ layer: 'out', position: { row: 1 } }, '[out] expected row from 0 to 0 (result [10]), got 1.'],
  ])('%j', async (wrong, message) => {
    await expect(explain({ ...options, ...wrong })).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining(message) });
  });

  it('of a long network, with some of its layers', async () => {
    const module = createModel('squeezenet1_1', { classes: 2 });
    const act = (layer: string) => explain({ module, state: initialState(module), input: picture([3, 64, 64]), layer });
    await expect(act('nix')).rejects.toThrow(
      /one of the \d+ layers that a summary lists: features\.0, features\.1, .*, …, softmax, got 'nix'\.$/,
    );
    await expect(act('features.3.sqeeze')).rejects.toThrow("Did you mean 'features.3.squeeze'?");
  });

  it('a module that holds others means the last of them', async () => {
    expect((await explain({ ...options, layer: 'conv1' })).layer).toBe('conv1.2');
  });

  it('an engine that computes something else is found out', async () => {
    const wrong: Engine = {
      ...engine,
      info: engine.info,
      createStore: () => engine.createStore(),
      close: async () => {},
      compile: async (graph, store): Promise<Program> => {
        const program = await engine.compile(graph, store);
        const run: Program['run'] = async (feeds) => {
          const results = await program.run(feeds);
          (results.value.data as Float32Array)[0] += 2e-4;
          return results;
        };
        return { memory: program.memory, run, profile: (f, n) => program.profile(f, n), close: () => program.close() };
      },
    };
    const position = { channel: 0, row: 0, col: 0 };
    await expect(explainValue({ ...options, layer: 'conv1.0', position, engine: wrong })).rejects.toThrow(
      /engine's value .* within 0.0001, got/,
    );
  });
});
