import { ShapeError } from '../core/errors.ts';
import type { NumberArray } from '../core/ndarray.ts';
import { formatShape, type Shape, sizeOf, stridesOf, type WindowAxis } from '../core/shape.ts';
import { attr } from '../graph/attrs.ts';
import { plainKernel } from '../graph/lowering.ts';
import { defineOp, type Sight } from '../graph/op.ts';
import { apply, type Tensor } from '../graph/tensor.ts';
import { expectShape, real } from './check.ts';

export const concatOp = defineOp({
  name: 'concat',
  doc: 'Puts tensors one behind the other along one axis.',
  inputs: [{ name: 'xs', doc: 'Equal shapes but for the axis.', variadic: true }],
  outputs: ['y'],
  attrs: { axis: attr.int({ doc: 'The axis.', min: 0, default: 1 }) },
  infer: ({ inputs, attrs: { axis }, where }) => {
    const first = inputs[0]!.shape;
    if (axis >= first.length)
      throw new ShapeError({ where, expected: `axis below ${first.length} (${formatShape(first)})`, got: `${axis}` });
    const pattern = first.map((extent, i) => (i === axis ? 'any' : extent));
    for (const [i, x] of inputs.entries()) expectShape(where, `input ${i}`, x!, pattern);
    return [real(first.map((extent, i) => (i === axis ? inputs.reduce((sum, x) => sum + x!.shape[axis], 0) : extent)))];
  },
  eval: ({ inputs, outputs: [y], inputTypes, outputTypes, attrs: { axis } }) => {
    const outer = sizeOf(outputTypes[0].shape.slice(0, axis));
    const row = y.length / outer;
    let offset = 0;
    for (const [i, x] of inputs.entries()) {
      const part = sizeOf(inputTypes[i]!.shape.slice(axis));
      for (let o = 0; o < outer; o++) y.set(x!.subarray(o * part, (o + 1) * part), o * row + offset);
      offset += part;
    }
  },
  grad: ({ inputs, gradOutputs: [dy], needs, attrs: { axis } }) => {
    let offset = 0;
    return inputs.map((x, i) => {
      const begin = dy!.shape.map((_, a) => (a === axis ? offset : 0));
      offset += x!.shape[axis];
      return needs[i] ? slice(dy!, begin, x!.shape) : undefined;
    });
  },
  lower: {
    onednn: ({ inputs, attrs }) => [
      { kind: 'concat', axis: attrs.axis, sources: inputs.map((_, i) => ({ of: { in: i } })), dst: { of: { out: 0 } } },
    ],
  },
  cost: () => 0,
  traits: { sight: ({ attrs }) => (attrs.axis === 1 ? 'position' : 'element') },
  inPlace: {},
  examples: [
    {
      shapes: [
        [2, 3, 4, 5],
        [2, 1, 4, 5],
        [2, 17, 4, 5],
      ],
    },
    {
      shapes: [
        [1, 16, 3, 3],
        [1, 16, 3, 3],
      ],
    },
    {
      shapes: [
        [2, 3],
        [1, 3],
      ],
      attrs: { axis: 0 },
    },
    { shapes: [[1, 5, 2, 2]] },
  ],
});

/** Calls `copy` for every innermost row of a box at `begin` inside an array: offset in the array, offset in the box, length. */
function forRows(outer: Shape, begin: Shape, box: Shape, copy: (outerAt: number, boxAt: number, length: number) => void): void {
  const strides = stridesOf(outer);
  const length = box.at(-1)!;
  const rows = sizeOf(box) / length;
  for (let row = 0; row < rows; row++) {
    let rest = row;
    let at = begin.at(-1)!;
    for (let axis = box.length - 2; axis >= 0; axis--) {
      at += (begin[axis] + (rest % box[axis])) * strides[axis];
      rest = Math.floor(rest / box[axis]);
    }
    copy(at, row * length, length);
  }
}

function expectBox(where: string, outer: Shape, begin: Shape, box: Shape): void {
  const fits = [begin, box].every((s) => s.length === outer.length) && outer.every((extent, i) => begin[i] + box[i] <= extent);
  if (!fits || !outer.length)
    throw new ShapeError({ where, expected: `a box inside ${formatShape(outer)}`, got: `${formatShape(box)} at ${formatShape(begin)}` });
}

/** A window of one pixel, shifted. */
function boxSight(x: Shape, y: Shape, begin: Shape): Sight {
  const along = (axis: number): WindowAxis => {
    const [size, padBegin] = [x[axis], -begin[axis]];
    return { size, kernel: 1, stride: 1, padBegin, padEnd: y[axis] - size - padBegin, dilation: 1 };
  };
  return x.length === 4 ? [along(2), along(3)] : 'element';
}

const beginAttr = attr.ints({ doc: 'First index of the box on every axis.', min: 0 });

export const sliceOp = defineOp({
  name: 'slice',
  doc: 'Cuts a box out of a tensor.',
  inputs: [{ name: 'x', doc: 'Any shape of at least one axis.' }],
  outputs: ['y'],
  attrs: { begin: beginAttr, size: attr.ints({ doc: 'Extents of the box.', min: 1 }) },
  infer: ({ inputs: [x], attrs, where }) => {
    expectBox(where, x!.shape, attrs.begin, attrs.size);
    return [real(attrs.size)];
  },
  eval: ({ inputs: [x], outputs: [y], inputTypes, attrs }) =>
    forRows(inputTypes[0]!.shape, attrs.begin, attrs.size, (xAt, yAt, length) =>
      y.set((x as NumberArray).subarray(xAt, xAt + length), yAt),
    ),
  grad: ({ inputs: [x], gradOutputs: [dy], attrs }) => [apply(zeroPadOp, [dy!], { begin: attrs.begin, size: x!.shape })[0]],
  lower: {
    onednn: ({ attrs }) => [{ kind: 'slice', offsets: attrs.begin, src: { of: { in: 0 }, layout: 'given' }, dst: { of: { out: 0 } } }],
  },
  cost: () => 0,
  traits: { sight: ({ inputs: [x], attrs }) => boxSight(x!.shape, attrs.size, attrs.begin) },
  inPlace: {},
  examples: [
    { shapes: [[2, 5, 4, 3]], attrs: { begin: [0, 2, 0, 0], size: [2, 3, 4, 3] } },
    { shapes: [[1, 33, 3, 2]], attrs: { begin: [0, 16, 0, 0], size: [1, 17, 3, 2] } },
    { shapes: [[3, 4]], attrs: { begin: [1, 2], size: [2, 1] } },
  ],
});

export const zeroPadOp = defineOp({
  name: 'zeroPad',
  doc: 'Sets a tensor as a box into zeros: the gradient of slice.',
  inputs: [{ name: 'x', doc: 'Any shape of at least one axis.' }],
  outputs: ['y'],
  attrs: { begin: beginAttr, size: attr.ints({ doc: 'Shape of the result.', min: 1 }) },
  infer: ({ inputs: [x], attrs, where }) => {
    expectBox(where, attrs.size, attrs.begin, x!.shape);
    return [real(attrs.size)];
  },
  eval: ({ inputs: [x], outputs: [y], inputTypes, attrs }) =>
    forRows(attrs.size, attrs.begin, inputTypes[0]!.shape, (yAt, xAt, length) =>
      y.set((x as NumberArray).subarray(xAt, xAt + length), yAt),
    ),
  grad: ({ inputs: [x], gradOutputs: [dy], attrs }) => [slice(dy!, attrs.begin, x!.shape)],
  lower: { onednn: plainKernel },
  cost: () => 0,
  traits: {
    sight: ({ inputs: [x], attrs }) =>
      boxSight(
        x!.shape,
        attrs.size,
        attrs.begin.map((b) => -b),
      ),
  },
  inPlace: {},
  examples: [
    { shapes: [[2, 3, 2, 3]], attrs: { begin: [0, 1, 2, 0], size: [2, 5, 4, 3] } },
    { shapes: [[2]], attrs: { begin: [3], size: [5] } },
  ],
});

/**
 * Puts tensors one behind the other along one axis.
 *
 * **Shapes**: `[N, C₁, H, W]`, `[N, C₂, H, W]`, … → `[N, C₁ + C₂ + …, H, W]`; any rank, all other axes equal.
 *
 * - `axis`: from 0, default 1 (channels).
 *
 * **Throws** `ShapeError` if the other axes differ.
 *
 * **Source**: `torch.cat`; the default axis there is 0.
 *
 * @example const y = concat([expand1x1, expand3x3]); // Fire module of SqueezeNet
 */
export const concat = (xs: readonly Tensor[], axis = 1): Tensor => apply(concatOp, xs, { axis })[0];

/**
 * Cuts a box out of a tensor.
 *
 *     y[i, j, …] = x[begin₀ + i, begin₁ + j, …]
 *
 * **Shapes**: x of any rank → y `size`, one extent per axis.
 *
 * - `begin`: first index per axis, from 0.
 * - `size`: extents of the box, from 1.
 *
 * **Throws** `ShapeError` if the box is not inside x.
 *
 * @example const red = slice(x, [0, 0, 0, 0], [8, 1, 32, 32]); // of [8,3,32,32]
 */
export const slice = (x: Tensor, begin: Shape, size: Shape): Tensor => apply(sliceOp, [x], { begin, size })[0];
