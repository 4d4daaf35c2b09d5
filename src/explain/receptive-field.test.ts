import { describe, expect, it } from 'vitest';
import { createReferenceBackend } from '../engine/reference/backend.ts';
import type { Tensor } from '../graph/tensor.ts';
import { Conv2d, initialState, Linear, MaxPool2d, Module, trace } from '../nn/index.ts';
import { constant } from '../nn/init.ts';
import { adaptiveAvgPool2d, add, avgPool2d, concat, flatten, relu, scale, slice } from '../ops/index.ts';
import { type FieldAxis, receptiveFields } from './receptive-field.ts';

const ones = { weightInit: constant(1), biasInit: constant(0) };

class Chain extends Module {
  first = new Conv2d(1, 1, [3, 1], { ...ones, stride: [2, 1], padding: [1, 0, 0, 0] });
  second = new Conv2d(1, 1, 3, { ...ones, dilation: 2, padding: 1 });
  pool = new MaxPool2d(2, { stride: 1 });
  override forward(x: Tensor): Tensor {
    return this.pool.forward(relu(this.second.forward(this.first.forward(x))));
  }
}

class Branches extends Module {
  small = new Conv2d(1, 1, 1, { ...ones, stride: 2 });
  large = new Conv2d(1, 1, [3, 5], { ...ones, stride: 2, padding: [1, 2] });
  last = new Conv2d(2, 1, 3, { ...ones, padding: 1 });
  override forward(x: Tensor): Tensor {
    const [small, large] = [this.small.forward(x), this.large.forward(x)];
    return this.last.forward(concat([add(small, large), small]));
  }
}

class Mean extends Module {
  conv = new Conv2d(1, 1, 2, ones);
  override forward(x: Tensor): Tensor {
    return avgPool2d(scale(slice(this.conv.forward(x), [0, 0, 2, 1], [x.shape[0], 1, 14, 14]), 2), 3, { stride: 2, padding: 1 });
  }
}

class Adaptive extends Module {
  override forward(x: Tensor): Tensor {
    return adaptiveAvgPool2d(x, [6, 3]);
  }
}

const side = 18;

/** Rows and columns of the pixels that change position (`row`, `col`): found by lighting one pixel after the other. */
function lit(module: Module, row: number, col: number): { rows: number[]; cols: number[] } {
  const graph = trace(module, [side * side, 1, side, side]);
  const backend = createReferenceBackend();
  const store = backend.createStore();
  store.load(initialState(module));
  const x = new Float32Array(side ** 4);
  for (let i = 0; i < side * side; i++) x[i * side * side + i] = 1;
  const { y } = backend.compile(graph, store).run({ x });
  const [batch, , height, width] = graph.values[graph.outputs.y].shape;
  const hits = Array.from({ length: batch }, (_, i) => i).filter((i) => y[(i * height + row) * width + col] !== 0);
  const spread = (values: number[]) => [...new Set(values)].sort((a, b) => a - b);
  return { rows: spread(hits.map((i) => Math.floor(i / side))), cols: spread(hits.map((i) => i % side)) };
}

/** First and last pixel of the field of position `at`. */
const span = ({ size, jump, centre }: FieldAxis, at: number): [number, number] => {
  const middle = centre! + at * jump!;
  return [middle - (size - 1) / 2, middle + (size - 1) / 2];
};

const fieldOf = (module: Module) => {
  const graph = trace(module, [1, 1, side, side]);
  return receptiveFields(graph).get(graph.outputs.y)!;
};

describe('a receptive field holds just the pixels that count', () => {
  it.each([
    ['stride, dilation and padding on one side', new Chain(), 4, 8],
    ['branches', new Branches(), 4, 4],
    ['a slice and mean pooling', new Mean(), 3, 3],
    ['adaptive pooling', new Adaptive(), 2, 1],
  ])('%s', (_, module, row, col) => {
    const field = fieldOf(module);
    const { rows, cols } = lit(module, row, col);
    expect([rows[0], rows.at(-1)]).toEqual(span(field.height, row));
    expect([cols[0], cols.at(-1)]).toEqual(span(field.width, col));
    expect(field.whole).toBe(false);
  });
});

describe('without a grid', () => {
  class Flat extends Module {
    conv = new Conv2d(1, 2, 3);
    out = new Linear(2 * 16 * 16, 4);
    override forward(x: Tensor): Tensor {
      return this.out.forward(flatten(this.conv.forward(x)));
    }
  }

  it('flattening keeps the size and loses the place; a fully connected layer sees all', () => {
    const graph = trace(new Flat(), [1, 1, side, side]);
    const [, flat, out] = graph.nodes.map(({ outputs }) => receptiveFields(graph).get(outputs[0])!);
    expect(flat.height).toEqual({ size: 3, jump: null, centre: null });
    expect(out).toMatchObject({ whole: true, height: { size: side }, width: { size: side } });
  });

  it('a sample that is no picture has none', () => {
    expect(receptiveFields(trace(new Linear(5, 2), [1, 5])).size).toBe(0);
  });
});
