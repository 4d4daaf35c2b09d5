import { ShapeError } from './errors.ts';

/** Extents from the outermost to the innermost axis; `[]` is a scalar. Pictures are `[N, C, H, W]`. */
export type Shape = readonly number[];

/** Number of elements: the product of the extents. */
export const sizeOf = (shape: Shape): number => shape.reduce((a, b) => a * b, 1);

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((extent, i) => extent === b[i]);

export const formatShape = (shape: Shape | undefined): string => (shape ? `[${shape.join(',')}]` : 'nothing');

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

/** One axis of a sliding window: convolution and pooling share it. All lengths in pixels. */
export interface WindowAxis {
  size: number;
  kernel: number;
  stride: number;
  padBegin: number;
  padEnd: number;
  dilation: number;
  /** Round the number of positions up (PyTorch's `ceil_mode`). */
  ceil?: boolean;
}

/**
 * Number of window positions along one axis.
 *
 *     floor((size + padBegin + padEnd − dilation·(kernel − 1) − 1) / stride) + 1
 *
 * With `ceil` the quotient is rounded up, but a last window that would start inside the end padding is dropped.
 *
 * **Throws** `ShapeError` if the window is larger than the padded input.
 * **Source**: PyTorch, `torch.nn.MaxPool2d` and `Conv2d`.
 *
 * @example windowPositions({ size: 32, kernel: 5, stride: 1, padBegin: 2, padEnd: 2, dilation: 1 }) // 32
 */
export function windowPositions(axis: WindowAxis, where?: string): number {
  const { size, kernel, stride, padBegin, padEnd, dilation, ceil } = axis;
  const extent = dilation * (kernel - 1) + 1;
  const free = size + padBegin + padEnd - extent;
  if (free < 0)
    throw new ShapeError({
      where,
      expected: `a window of at most ${size + padBegin + padEnd} px (input ${size} + padding ${padBegin} + ${padEnd})`,
      got: `${extent} px (kernel ${kernel}, dilation ${dilation})`,
      hint: 'Use a larger picture, a smaller kernel or more padding.',
    });
  if (!ceil) return Math.floor(free / stride) + 1;
  const positions = Math.ceil(free / stride) + 1;
  return (positions - 1) * stride >= size + padBegin ? positions - 1 : positions;
}
