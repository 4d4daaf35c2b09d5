import { ShapeError } from '../core/errors.ts';
import { type Shape, type WindowAxis, windowPositions } from '../core/shape.ts';
import { attr } from '../graph/attrs.ts';

/** One number for both axes, or `[height, width]`. */
export type Pair = number | readonly [number, number];
/** One number for all sides, `[height, width]`, or `[top, left, bottom, right]`. Pixels. */
export type Padding = Pair | readonly [number, number, number, number];

export const pairOf = (value: Pair): readonly number[] => (typeof value === 'number' ? [value, value] : value);

export const paddingOf = (value: Padding): readonly number[] => {
  if (typeof value === 'number') return [value, value, value, value];
  return value.length === 2 ? [...value, ...value] : value;
};

/** A window that slides over the last two axes, as attributes hold it. */
export interface Window {
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  /** `[top, left, bottom, right]`. */
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly ceilMode?: boolean;
}

export const strideAttr = attr.ints({ doc: 'Step of the window per axis.', unit: 'px', length: 2, min: 1, default: [1, 1] });
export const paddingAttr = attr.ints({
  doc: 'Border around the picture: top, left, bottom, right.',
  unit: 'px',
  length: 4,
  min: 0,
  default: [0, 0, 0, 0],
});
export const dilationAttr = attr.ints({ doc: 'Distance between the taps; 1 is dense.', unit: 'px', length: 2, min: 1, default: [1, 1] });
export const kernelAttr = attr.ints({ doc: 'Extent of the window per axis.', unit: 'px', length: 2, min: 1 });
export const ceilModeAttr = attr.flag({ doc: 'Round the number of positions up.', default: false });
export const inputShapeAttr = attr.ints({ doc: 'Shape of the forward op’s input.', length: 4, min: 1 });

const axisOf = (window: Window, shape: Shape, axis: 0 | 1): WindowAxis => ({
  size: shape[axis + 2],
  kernel: window.kernel[axis],
  stride: window.stride[axis],
  padBegin: window.padding[axis],
  padEnd: window.padding[axis + 2],
  dilation: window.dilation[axis],
  ceil: window.ceilMode,
});

/** The window along height and width of a picture `[N, C, H, W]`. */
export const windowAxes = (window: Window, shape: Shape): [WindowAxis, WindowAxis] => [axisOf(window, shape, 0), axisOf(window, shape, 1)];

/** Height and width of what the window produces over a picture `[N, C, H, W]`. */
export const windowOutput = (window: Window, shape: Shape, where?: string): [number, number] => [
  windowPositions(axisOf(window, shape, 0), where),
  windowPositions(axisOf(window, shape, 1), where),
];

/** PyTorch's rule for pooling: a border of at most half the kernel, so that no window lies in it entirely. */
export function expectPoolPadding(window: Window, where: string): void {
  const axis = window.padding.findIndex((p, i) => p > window.kernel[i % 2] / 2);
  if (axis >= 0)
    throw new ShapeError({ where, expected: `padding of at most half the kernel [${window.kernel}]`, got: `[${window.padding}]` });
}

/** Pixels of end padding that the last window needs: more than the padding asked for where `ceilMode` lets it hang over. */
export const endPadding = (window: Window, input: Shape, output: Shape): number[] =>
  [0, 1].map((axis) => {
    const extent = window.dilation[axis] * (window.kernel[axis] - 1) + 1;
    return Math.max(0, (output[axis + 2] - 1) * window.stride[axis] + extent - input[axis + 2] - window.padding[axis]);
  });

/** Strides and paddings as primitives want them; end padding grows where the last window hangs over. */
export const spatialOf = (window: Window, input: Shape, output: Shape) => {
  const needed = endPadding(window, input, output);
  return {
    strides: window.stride,
    padBegin: window.padding.slice(0, 2),
    padEnd: [Math.max(window.padding[2], needed[0]), Math.max(window.padding[3], needed[1])],
  };
};
