import { describe, expect, it } from 'vitest';
import { f32, i32, type NdArray, type NumberArray, type Shape } from '../core/index.ts';
import { evaluate } from '../engine/reference/evaluate.ts';
import { differentiate, GraphBuilder, type Tensor } from '../graph/index.ts';
import {
  adaptiveAvgPool2d,
  add,
  avgPool2d,
  batchNorm2d,
  catalogue,
  concat,
  conv2d,
  dropout,
  fill,
  linear,
  maxPool2d,
  relu,
  reshape,
} from './index.ts';

const range = (shape: Shape): NdArray<'f32'> => {
  const size = shape.reduce((a, b) => a * b, 1);
  return f32(
    Array.from({ length: size }, (_, i) => i + 1),
    shape,
  );
};
const ones = (shape: Shape) => ({ ...range(shape), data: range(shape).data.fill(1) });

/** Runs a function of symbolic tensors on arrays named a, b, c, …; state tensors are not needed here. */
function run(body: (...inputs: Tensor[]) => Tensor, ...arrays: (NdArray<'f32'> | NdArray<'i32'>)[]) {
  const graph = new GraphBuilder({ training: true });
  const names = arrays.map((_, i) => String.fromCharCode(97 + i));
  const y = body(...arrays.map(({ shape, dtype }, i) => graph.input(names[i], shape, dtype)));
  graph.output('y', y);
  return { shape: y.shape, y: [...evaluate(graph.build(), feedsOf(names, arrays), new Map()).y] };
}
const feedsOf = (names: string[], arrays: NdArray[]) => Object.fromEntries(names.map((name, i) => [name, arrays[i].data as NumberArray]));

/** Gradient of the sum of a result with respect to its first input. */
function gradient(body: (x: Tensor) => Tensor, x: NdArray<'f32'>): number[] {
  const forward = new GraphBuilder();
  const input = forward.input('a', x.shape);
  const y = body(input);
  const { builder, gradients } = differentiate({
    graph: forward.build(),
    catalogue,
    wrt: [input.id],
    seed: (b) => new Map([[y.id, fill(b, 1, y.shape)]]),
    accumulate: add,
  });
  builder.output('dx', gradients.get(input.id)!);
  return [...evaluate(builder.build(), { a: x.data }, new Map()).dx];
}

describe('maxPool2d', () => {
  it('lets the last window hang over in ceilMode', () => {
    const { shape, y } = run((x) => maxPool2d(x, 2, { ceilMode: true }), range([1, 1, 5, 5]));
    expect(shape).toEqual([1, 1, 3, 3]);
    expect(y).toEqual([7, 9, 10, 17, 19, 20, 22, 24, 25]);
  });

  it('drops a window that would begin in the end padding', () => {
    expect(run((x) => maxPool2d(x, 2, { padding: 1, ceilMode: true }), range([1, 1, 5, 5])).shape).toEqual([1, 1, 3, 3]);
    expect(run((x) => maxPool2d(x, 1, { stride: 3, ceilMode: true }), range([1, 1, 3, 3])).shape).toEqual([1, 1, 1, 1]);
  });

  it('pads with less than anything', () => {
    const { y } = run((x) => maxPool2d(x, 2, { padding: 1 }), f32([-1, -2, -3, -4], [1, 1, 2, 2]));
    expect(y).toEqual([-1, -2, -3, -4]);
  });

  it('gives the gradient of equals to the first', () => {
    expect(gradient((x) => maxPool2d(x, 2), f32([3, 3, 3, 3], [1, 1, 2, 2]))).toEqual([1, 0, 0, 0]);
  });

  it('lets NaN win', () => {
    expect(run((x) => maxPool2d(x, 2), f32([1, Number.NaN, 5, 2], [1, 1, 2, 2])).y).toEqual([Number.NaN]);
  });

  it('refuses padding above half the kernel', () => {
    expect(() => run((x) => maxPool2d(x, 2, { padding: 2 }), range([1, 1, 4, 4]))).toThrow(
      '[maxPool2d] expected padding of at most half the kernel',
    );
  });
});

describe('avgPool2d', () => {
  const overhang = { stride: 2, padding: 1, ceilMode: true };

  it('counts the padding but not what hangs over it', () => {
    const { shape, y } = run((x) => avgPool2d(x, 3, overhang), ones([1, 1, 6, 6]));
    expect(shape).toEqual([1, 1, 4, 4]);
    expect(y[0]).toBeCloseTo(4 / 9, 6);
    expect(y[15]).toBeCloseTo(1 / 4, 6);
  });

  it('counts only the picture without countIncludePad', () => {
    expect(run((x) => avgPool2d(x, 3, { ...overhang, countIncludePad: false }), ones([1, 1, 6, 6])).y).toEqual(new Array(16).fill(1));
  });

  it('uses a primitive only where it divides alike', () => {
    const lower = (padding: number[], ceilMode: boolean) => {
      const attrs = { kernel: [3, 3], stride: [2, 2], padding, ceilMode, countIncludePad: true };
      const record = catalogue.get('avgPool2d')!;
      const x = { shape: [1, 1, 6, 6], dtype: 'f32' } as const;
      const call = { inputs: [x], outputs: record.infer({ inputs: [x], attrs, where: '' }), used: [true], attrs };
      const rule = record.lower.onednn;
      return 'none' in rule ? undefined : rule(call)[0];
    };
    expect(lower([1, 1, 1, 1], true)).toMatchObject({ kind: 'kernel' });
    expect(lower([1, 1, 1, 1], false)).toMatchObject({ algorithm: 'averageIncludePadding', padEnd: [1, 1] });
    expect(lower([0, 0, 0, 0], true)).toMatchObject({ algorithm: 'averageExcludePadding', padEnd: [1, 1] });
  });
});

it('adaptiveAvgPool2d takes overlapping windows where sizes do not divide', () => {
  expect(run((x) => adaptiveAvgPool2d(x, [null, 3]), f32([1, 2, 3, 4, 5], [1, 1, 1, 5])).y).toEqual([1.5, 3, 4.5]);
});

describe('conv2d', () => {
  it('pads each side by its own number', () => {
    const { shape, y } = run((x, w) => conv2d(x, w, undefined, { padding: [1, 0, 0, 2] }), range([1, 1, 2, 2]), ones([1, 1, 2, 2]));
    expect(shape).toEqual([1, 1, 2, 3]);
    expect(y).toEqual([3, 2, 0, 10, 6, 0]);
  });

  it('keeps groups apart', () => {
    const x = f32([1, 10, 100, 1000], [1, 4, 1, 1]);
    expect(run((a, w) => conv2d(a, w, undefined, { groups: 2 }), x, f32([1, 2, 3, 4], [2, 2, 1, 1])).y).toEqual([21, 4300]);
  });

  it('names module, channels and shapes when they do not fit', () => {
    const graph = new GraphBuilder();
    const x = graph.input('x', [8, 32, 56, 56]);
    const call = () => graph.scope('layer2.0.downsample.0', () => conv2d(x, graph.parameter('w', [128, 64, 1, 1])));
    expect(call).toThrow('[conv2d @ layer2.0.downsample.0] expected 64 channels (weight [128,64,1,1]), got [8,32,56,56]');
  });
});

it('linear refuses another number of features', () => {
  expect(() => run((x, w) => linear(x, w), ones([2, 3, 2]), ones([4, 5]))).toThrow(
    'expected 5 features per sample (weight [4,5]), got [2,3,2]',
  );
});

it('relu lets NaN through and has no gradient at 0', () => {
  expect(run(relu, f32([-1, 0, 2, Number.NaN])).y).toEqual([0, 0, 2, Number.NaN]);
  expect(gradient(relu, f32([-1, 0, 2]))).toEqual([0, 0, 1]);
});

it('concat joins channels and reshape fills in −1', () => {
  const joined = run((a, b) => concat([a, b]), f32([1, 2, 3, 4], [2, 2]), f32([5, 6], [2, 1]));
  expect(joined).toEqual({ shape: [2, 3], y: [1, 2, 5, 3, 4, 6] });
  expect(run((x) => reshape(x, [3, -1]), range([2, 6])).shape).toEqual([3, 4]);
  expect(() => run((x) => reshape(x, [5, -1]), range([2, 6]))).toThrow('[reshape]');
});

describe('batchNorm2d', () => {
  it('normalises by the biased variance and keeps running statistics with the unbiased one', () => {
    const graph = new GraphBuilder({ training: true });
    const [weight, bias] = ['weight', 'bias'].map((name) => graph.parameter(name, [1]));
    const [runningMean, runningVar] = ['mean', 'var'].map((name) => graph.state(name, [1]));
    graph.output('y', batchNorm2d(graph.input('x', [2, 1, 1, 2]), { weight, bias, runningMean, runningVar }, { eps: 0 }));
    const built = graph.build();
    const updates = built.nodes.filter((node) => node.op === 'runningUpdate').map((node) => node.outputs[0]);
    const all = { ...built, outputs: { ...built.outputs, mean: updates[0], var: updates[1] } };
    const state = new Map([
      ['weight', f32([2])],
      ['bias', f32([1])],
      ['mean', f32([10])],
      ['var', f32([1])],
    ]);
    const results = evaluate(all, { x: Float32Array.of(1, 1, 3, 3) }, state, 'f64');
    expect([...results.y]).toEqual([-1, -1, 3, 3]);
    expect(results.mean[0]).toBeCloseTo(0.9 * 10 + 0.1 * 2, 6);
    expect(results.var[0]).toBeCloseTo(0.9 + (0.1 * 4) / 3, 6);
    expect(state.get('mean')!.data[0]).toBe(10);
  });

  it('refuses one value per channel in training', () => {
    const graph = new GraphBuilder({ training: true });
    const [weight, bias, runningMean, runningVar] = ['w', 'b', 'm', 'v'].map((name) => graph.parameter(name, [3]));
    expect(() => batchNorm2d(graph.input('x', [1, 3, 1, 1]), { weight, bias, runningMean, runningVar })).toThrow(
      'more than one value per channel',
    );
  });
});

describe('dropout', () => {
  const drop = (seed: number, salt = 0, prob = 0.3) => run((x, s) => dropout(x, s, { prob, salt }), ones([200, 500]), i32([seed], [])).y;
  const agreement = (a: number[], b: number[]) => a.filter((v, i) => v === b[i]).length / a.length;

  it('drops the share asked for and keeps the mean', () => {
    const y = drop(1);
    expect(y.filter((v) => v === 0).length / y.length).toBeCloseTo(0.3, 2);
    expect(y.reduce((a, b) => a + b, 0) / y.length).toBeCloseTo(1, 2);
  });

  it('depends on seed and salt, and on nothing else', () => {
    const y = drop(1);
    expect(drop(1)).toEqual(y);
    // Independent masks agree with probability 0.7² + 0.3².
    for (const other of [drop(2), drop(1, 1), drop(1 << 30)]) expect(agreement(y, other)).toBeCloseTo(0.58, 2);
  });

  it('is the identity at 0 and zero at 1', () => {
    expect(new Set(drop(1, 0, 0))).toEqual(new Set([1]));
    expect(new Set(drop(1, 0, 1))).toEqual(new Set([0]));
  });
});
