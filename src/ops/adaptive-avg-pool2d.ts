import { type Shape, sizeOf, type WindowAxis } from '../core/shape.ts';
import { attr } from '../graph/attrs.ts';
import { plainKernel } from '../graph/lowering.ts';
import { defineOp, none } from '../graph/op.ts';
import { apply, type Tensor } from '../graph/tensor.ts';
import { expectShape, real } from './check.ts';
import { inputShapeAttr } from './window.ts';

const outputSizeAttr = attr.ints({ doc: 'Height and width of the result.', unit: 'px', length: 2, min: 1 });

/** The equal windows of a primitive, where the picture divides into them. */
function evenWindow(x: Shape, outputSize: readonly number[]) {
  const kernel = [x[2] / outputSize[0], x[3] / outputSize[1]];
  if (!kernel.every(Number.isInteger)) return undefined;
  return { kernel, strides: kernel, padBegin: [0, 0], padEnd: [0, 0] };
}

function spans(size: number, positions: number) {
  const begin = Int32Array.from({ length: positions }, (_, p) => Math.floor((p * size) / positions));
  const end = Int32Array.from({ length: positions }, (_, p) => Math.ceil(((p + 1) * size) / positions));
  return { begin, end };
}

function windowAlong(size: number, positions: number): WindowAxis {
  const { begin, end } = spans(size, positions);
  const kernel = end.reduce((largest, e, p) => Math.max(largest, e - begin[p]), 1);
  return { size, kernel, stride: size / positions, padBegin: 0, padEnd: 0, dilation: 1 };
}

export const adaptiveAvgPool2dOp = defineOp({
  name: 'adaptiveAvgPool2d',
  doc: 'Mean of windows chosen so that the result has a given size: window p of P covers floor(p·size/P) … ceil((p+1)·size/P) − 1.',
  inputs: [{ name: 'x', doc: '[N, C, H, W]' }],
  outputs: ['y'],
  attrs: { outputSize: outputSizeAttr },
  infer: ({ inputs: [x], attrs, where }) => {
    expectShape(where, 'x', x!, ['N', 'C', 'H', 'W']);
    return [real([x!.shape[0], x!.shape[1], ...attrs.outputSize])];
  },
  eval: ({ inputs, outputs: [y], inputTypes, outputTypes }) => {
    const x = inputs[0]!;
    const [batch, channels, height, width] = inputTypes[0]!.shape;
    const [, , heightOut, widthOut] = outputTypes[0].shape;
    const rows = spans(height, heightOut);
    const cols = spans(width, widthOut);
    let to = 0;
    for (let plane = 0; plane < batch * channels; plane++)
      for (let r = 0; r < heightOut; r++)
        for (let q = 0; q < widthOut; q++) {
          let sum = 0;
          for (let row = rows.begin[r]; row < rows.end[r]; row++) {
            const base = (plane * height + row) * width;
            for (let col = cols.begin[q]; col < cols.end[q]; col++) sum += x[base + col];
          }
          y[to++] = sum / ((rows.end[r] - rows.begin[r]) * (cols.end[q] - cols.begin[q]));
        }
  },
  grad: ({ inputs: [x], gradOutputs: [dy] }) => [apply(adaptiveAvgPool2dGradOp, [dy!], { inputShape: x!.shape })[0]],
  lower: {
    onednn: ({ inputs: [x], attrs }) => {
      const window = evenWindow(x!.shape, attrs.outputSize);
      if (!window) return plainKernel();
      const src = { of: { in: 0 }, layout: 'given' } as const;
      return [{ kind: 'pooling', algorithm: 'averageExcludePadding', direction: 'inference', ...window, src, dst: { of: { out: 0 } } }];
    },
  },
  cost: ({ inputs: [x], outputs: [y] }) => Math.max(sizeOf(x!.shape), sizeOf(y.shape)),
  traits: {
    // Windows that do not all have one size: the largest, at their mean distance.
    sight: ({ inputs: [x], outputs: [y] }) =>
      y.shape[2] * y.shape[3] === 1 ? 'picture' : [windowAlong(x!.shape[2], y.shape[2]), windowAlong(x!.shape[3], y.shape[3])],
    pools: 'mean',
    taps: ({ inputs: [x], outputs: [y] }, axis, at) => {
      const { begin, end } = spans(x!.shape[axis + 2], y.shape[axis + 2]);
      return Array.from({ length: end[at] - begin[at] }, (_, i) => begin[at] + i);
    },
  },
  inPlace: {},
  examples: [
    { shapes: [[2, 17, 4, 6]], attrs: { outputSize: [1, 1] } },
    { shapes: [[1, 3, 6, 8]], attrs: { outputSize: [3, 2] } },
    { shapes: [[1, 3, 7, 5]], attrs: { outputSize: [3, 2] } },
    { shapes: [[2, 1, 3, 2]], attrs: { outputSize: [5, 6] } },
    { shapes: [[1, 16, 5, 5]], attrs: { outputSize: [5, 5] } },
  ],
});

export const adaptiveAvgPool2dGradOp = defineOp({
  name: 'adaptiveAvgPool2dGrad',
  doc: 'Gradient of adaptiveAvgPool2d: each dy is shared out evenly over its window.',
  inputs: [{ name: 'dy', doc: '[N, C, H′, W′]' }],
  outputs: ['dx'],
  attrs: { inputShape: inputShapeAttr },
  infer: ({ inputs: [dy], attrs, where }) => {
    expectShape(where, 'dy', dy!, [attrs.inputShape[0], attrs.inputShape[1], 'H′', 'W′']);
    return [real(attrs.inputShape)];
  },
  eval: ({ inputs, outputs: [dx], inputTypes, attrs }) => {
    const dy = inputs[0]!;
    const [batch, channels, heightOut, widthOut] = inputTypes[0]!.shape;
    const [, , height, width] = attrs.inputShape;
    const rows = spans(height, heightOut);
    const cols = spans(width, widthOut);
    const sums = new Float64Array(dx.length);
    let from = 0;
    for (let plane = 0; plane < batch * channels; plane++)
      for (let r = 0; r < heightOut; r++)
        for (let q = 0; q < widthOut; q++) {
          const share = dy[from++] / ((rows.end[r] - rows.begin[r]) * (cols.end[q] - cols.begin[q]));
          for (let row = rows.begin[r]; row < rows.end[r]; row++) {
            const base = (plane * height + row) * width;
            for (let col = cols.begin[q]; col < cols.end[q]; col++) sums[base + col] += share;
          }
        }
    dx.set(sums);
  },
  grad: none('second derivatives are not supported'),
  lower: {
    onednn: ({ inputs: [dy], attrs }) => {
      const window = evenWindow(attrs.inputShape, dy!.shape.slice(2));
      if (!window) return plainKernel();
      const src = { of: { out: 0 } };
      return [{ kind: 'pooling', algorithm: 'averageExcludePadding', direction: 'backward', ...window, src, dst: { of: { in: 0 } } }];
    },
  },
  cost: ({ inputs: [dy], outputs: [dx] }) => Math.max(sizeOf(dx.shape), sizeOf(dy!.shape)),
  traits: {},
  inPlace: {},
  examples: none('covered by the gradient of adaptiveAvgPool2d'),
});

/**
 * Mean over windows chosen so that the result has a given size, whatever the picture's size.
 *
 *     y[n,c,i,j] = mean of x[n, c, floor(i·H/H′) … ceil((i+1)·H/H′) − 1, floor(j·W/W′) … ceil((j+1)·W/W′) − 1]
 *
 * **Shapes**: x `[N, C, H, W]` → y `[N, C, H′, W′]`.
 *
 * - `outputSize`: px, from 1; a number or `[H′, W′]`; `null` keeps that axis. 1 is global average pooling.
 *
 * Numerics: the reference accumulates in f64, oneDNN in f32 where the windows are all of one size.
 *
 * **Throws** `ShapeError` if x is no batch of pictures.
 *
 * **Source**: PyTorch, `torch.nn.functional.adaptive_avg_pool2d`.
 *
 * @example const y = adaptiveAvgPool2d(x, 1); // [8,512,7,7] → [8,512,1,1]
 */
export function adaptiveAvgPool2d(x: Tensor, outputSize: number | readonly [number | null, number | null]): Tensor {
  const [height, width] = typeof outputSize === 'number' ? [outputSize, outputSize] : outputSize;
  return apply(adaptiveAvgPool2dOp, [x], { outputSize: [height ?? x.shape[2], width ?? x.shape[3]] })[0];
}
