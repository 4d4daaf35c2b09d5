import type { NumberArray } from '../core/ndarray.ts';
import { type Shape, sizeOf } from '../core/shape.ts';
import { attr } from '../graph/attrs.ts';
import { type PoolingStep, plainKernel } from '../graph/lowering.ts';
import { defineOp, none } from '../graph/op.ts';
import { apply, type Tensor } from '../graph/tensor.ts';
import { expectShape, real } from './check.ts';
import {
  ceilModeAttr,
  endPadding,
  expectPoolPadding,
  inputShapeAttr,
  kernelAttr,
  type Padding,
  type Pair,
  paddingAttr,
  paddingOf,
  pairOf,
  spatialOf,
  strideAttr,
  type Window,
  windowAxes,
  windowOutput,
} from './window.ts';

const poolAttrs = {
  kernel: kernelAttr,
  stride: strideAttr,
  padding: paddingAttr,
  ceilMode: ceilModeAttr,
  countIncludePad: attr.flag({ doc: 'Whether padding counts in the divisor.', default: true }),
};
type Pool = Omit<Window, 'dilation'> & { readonly countIncludePad: boolean };

const windowOf = (attrs: Pool): Window => ({ ...attrs, dilation: [1, 1] });

/**
 * The primitive that divides as PyTorch does, if there is one. Primitives divide by the whole kernel or by the pixels inside the picture;
 * PyTorch's `countIncludePad` counts the padding but not what `ceilMode` lets hang over it.
 */
function algorithmOf(attrs: Pool, x: Shape, y: Shape): PoolingStep['algorithm'] | undefined {
  if (!attrs.countIncludePad || attrs.padding.every((p) => p === 0)) return 'averageExcludePadding';
  const needed = endPadding(windowOf(attrs), x, y);
  return needed[0] <= attrs.padding[2] && needed[1] <= attrs.padding[3] ? 'averageIncludePadding' : undefined;
}

/** First and last pixel of every window along one axis inside the picture, and the extent that the divisor counts. */
function spans(attrs: Pool, axis: 0 | 1, size: number, positions: number) {
  const begin = new Int32Array(positions);
  const end = new Int32Array(positions);
  const counted = new Int32Array(positions);
  for (let p = 0; p < positions; p++) {
    const first = p * attrs.stride[axis] - attrs.padding[axis];
    const last = Math.min(first + attrs.kernel[axis], size + attrs.padding[axis + 2]);
    begin[p] = Math.max(first, 0);
    end[p] = Math.min(last, size);
    counted[p] = attrs.countIncludePad ? last - first : end[p] - begin[p];
  }
  return { begin, end, counted };
}

function averageForward(attrs: Pool, x: NumberArray, xShape: Shape, y: NumberArray, yShape: Shape): void {
  const [, , height, width] = xShape;
  const [batch, channels, heightOut, widthOut] = yShape;
  const rows = spans(attrs, 0, height, heightOut);
  const cols = spans(attrs, 1, width, widthOut);
  let to = 0;
  for (let plane = 0; plane < batch * channels; plane++)
    for (let r = 0; r < heightOut; r++)
      for (let q = 0; q < widthOut; q++) {
        let sum = 0;
        for (let row = rows.begin[r]; row < rows.end[r]; row++) {
          const base = (plane * height + row) * width;
          for (let col = cols.begin[q]; col < cols.end[q]; col++) sum += x[base + col];
        }
        y[to++] = sum / (rows.counted[r] * cols.counted[q]);
      }
}

function averageBackward(attrs: Pool, dy: NumberArray, yShape: Shape, dx: NumberArray, xShape: Shape): void {
  const [, , height, width] = xShape;
  const [batch, channels, heightOut, widthOut] = yShape;
  const rows = spans(attrs, 0, height, heightOut);
  const cols = spans(attrs, 1, width, widthOut);
  let from = 0;
  for (let plane = 0; plane < batch * channels; plane++)
    for (let r = 0; r < heightOut; r++)
      for (let q = 0; q < widthOut; q++) {
        const share = dy[from++] / (rows.counted[r] * cols.counted[q]);
        for (let row = rows.begin[r]; row < rows.end[r]; row++) {
          const base = (plane * height + row) * width;
          for (let col = cols.begin[q]; col < cols.end[q]; col++) dx[base + col] += share;
        }
      }
}

export const avgPool2dOp = defineOp({
  name: 'avgPool2d',
  doc: 'Mean of each window: y = Σ window(x) / count.',
  inputs: [{ name: 'x', doc: '[N, C, H, W]' }],
  outputs: ['y'],
  attrs: poolAttrs,
  infer: ({ inputs: [x], attrs, where }) => {
    expectShape(where, 'x', x!, ['N', 'C', 'H', 'W']);
    expectPoolPadding(windowOf(attrs), where);
    return [real([x!.shape[0], x!.shape[1], ...windowOutput(windowOf(attrs), x!.shape, where)])];
  },
  eval: ({ inputs: [x], outputs: [y], inputTypes, outputTypes, attrs }) =>
    averageForward(attrs, x!, inputTypes[0]!.shape, y, outputTypes[0].shape),
  grad: ({ inputs: [x], gradOutputs: [dy], attrs }) => [apply(avgPool2dGradOp, [dy!], { ...attrs, inputShape: x!.shape })[0]],
  lower: {
    onednn: ({ inputs: [x], outputs: [y], attrs }) => {
      const algorithm = algorithmOf(attrs, x!.shape, y.shape);
      if (!algorithm) return plainKernel();
      const spatial = spatialOf(windowOf(attrs), x!.shape, y.shape);
      const src = { of: { in: 0 }, layout: 'given' } as const;
      return [{ kind: 'pooling', algorithm, direction: 'inference', kernel: attrs.kernel, ...spatial, src, dst: { of: { out: 0 } } }];
    },
  },
  cost: ({ outputs: [y], attrs }) => sizeOf(y.shape) * sizeOf(attrs.kernel),
  traits: {
    sight: ({ inputs: [x], attrs }) => windowAxes(windowOf(attrs), x!.shape),
    pools: 'mean',
    taps: ({ inputs: [x], outputs: [y], attrs }, axis, at) => {
      const { begin, counted } = spans(attrs, axis, x!.shape[axis + 2], y.shape[axis + 2]);
      const first = attrs.countIncludePad ? at * attrs.stride[axis] - attrs.padding[axis] : begin[at];
      return Array.from({ length: counted[at] }, (_, i) => first + i);
    },
  },
  inPlace: {},
  examples: [
    { shapes: [[2, 3, 6, 8]], attrs: { kernel: [2, 2], stride: [2, 2] } },
    { shapes: [[1, 17, 7, 5]], attrs: { kernel: [3, 3], stride: [1, 1], padding: [1, 1, 1, 1] } },
    { shapes: [[1, 17, 7, 5]], attrs: { kernel: [3, 3], stride: [2, 2], padding: [1, 1, 1, 1], countIncludePad: false } },
    { shapes: [[1, 3, 6, 7]], attrs: { kernel: [3, 2], stride: [2, 3], ceilMode: true } },
    { shapes: [[2, 3, 6, 6]], attrs: { kernel: [3, 3], stride: [2, 2], padding: [1, 1, 1, 1], ceilMode: true } },
    { shapes: [[1, 1, 6, 6]], attrs: { kernel: [3, 3], stride: [2, 2], padding: [1, 1, 1, 1], ceilMode: true, countIncludePad: false } },
    { shapes: [[1, 16, 8, 8]], attrs: { kernel: [8, 8] } },
    { shapes: [[1, 3, 5, 6]], attrs: { kernel: [2, 2], stride: [2, 2], padding: [0, 0, 1, 1] } },
  ],
});

export const avgPool2dGradOp = defineOp({
  name: 'avgPool2dGrad',
  doc: 'Gradient of avgPool2d: each dy is shared out evenly over its window.',
  inputs: [{ name: 'dy', doc: '[N, C, H′, W′]' }],
  outputs: ['dx'],
  attrs: { ...poolAttrs, inputShape: inputShapeAttr },
  infer: ({ inputs: [dy], attrs, where }) => {
    const [batch, channels] = attrs.inputShape;
    expectShape(where, 'dy', dy!, [batch, channels, ...windowOutput(windowOf(attrs), attrs.inputShape, where)]);
    return [real(attrs.inputShape)];
  },
  eval: ({ inputs: [dy], outputs: [dx], inputTypes, attrs }) => {
    const sums = new Float64Array(dx.length);
    averageBackward(attrs, dy!, inputTypes[0]!.shape, sums, attrs.inputShape);
    dx.set(sums);
  },
  grad: none('second derivatives are not supported'),
  lower: {
    onednn: ({ inputs: [dy], attrs }) => {
      const algorithm = algorithmOf(attrs, attrs.inputShape, dy!.shape);
      if (!algorithm) return plainKernel();
      const spatial = spatialOf(windowOf(attrs), attrs.inputShape, dy!.shape);
      const src = { of: { out: 0 } };
      return [{ kind: 'pooling', algorithm, direction: 'backward', kernel: attrs.kernel, ...spatial, src, dst: { of: { in: 0 } } }];
    },
  },
  cost: ({ inputs: [dy], attrs }) => sizeOf(dy!.shape) * sizeOf(attrs.kernel),
  traits: {},
  inPlace: {},
  examples: none('covered by the gradient of avgPool2d'),
});

export interface AvgPool2dOptions {
  stride?: Pair;
  padding?: Padding;
  ceilMode?: boolean;
  countIncludePad?: boolean;
}

/**
 * Mean of each window of a picture.
 *
 *     y[n,c,i,j] = Σ_{u,v} x[n, c, i·stride − top + u, j·stride − left + v] / count
 *
 * **Shapes**: x `[N, C, H, W]` → y `[N, C, H′, W′]`; sizes as in `windowPositions`.
 *
 * - `kernelSize`: px, from 1; a number or `[h, w]`.
 * - `stride`: px, from 1, default `kernelSize`.
 * - `padding`: px, from 0 to half the kernel, default 0; pixels of 0; a number, `[h, w]` or `[top, left, bottom, right]`.
 * - `ceilMode`: round the number of positions up, default false; no window begins in the end padding.
 * - `countIncludePad`: whether `count` takes in the padding, default true; what `ceilMode` lets hang over the padding never counts.
 *
 * Numerics: the reference accumulates in f64, oneDNN in f32; NaN spreads to every window that holds it.
 *
 * **Throws** `ShapeError` if the window exceeds the padded picture or the padding half the kernel.
 *
 * **Source**: PyTorch, `torch.nn.functional.avg_pool2d`.
 *
 * @example const y = avgPool2d(x, 3, { stride: 1, padding: 1 }); // [8,192,35,35] → the same
 */
export function avgPool2d(x: Tensor, kernelSize: Pair, options: AvgPool2dOptions = {}): Tensor {
  const { stride = kernelSize, padding = 0, ceilMode = false, countIncludePad = true } = options;
  const attrs = { kernel: pairOf(kernelSize), stride: pairOf(stride), padding: paddingOf(padding), ceilMode, countIncludePad };
  return apply(avgPool2dOp, [x], attrs)[0];
}
