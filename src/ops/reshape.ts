import { ShapeError } from '../core/errors.ts';
import { formatShape, type Shape, sizeOf } from '../core/shape.ts';
import { attr } from '../graph/attrs.ts';
import type { Lowering } from '../graph/lowering.ts';
import { defineOp } from '../graph/op.ts';
import { apply, type Tensor } from '../graph/tensor.ts';
import { real } from './check.ts';

const view = (): Lowering => [{ kind: 'view', src: { of: { in: 0 }, layout: 'plain' }, dst: { of: { out: 0 }, layout: 'plain' } }];

export const reshapeOp = defineOp({
  name: 'reshape',
  doc: 'The same elements in row-major order under another shape.',
  inputs: [{ name: 'x', doc: 'Any shape.' }],
  outputs: ['y'],
  attrs: { shape: attr.ints({ doc: 'The new shape.', min: 1 }) },
  infer: ({ inputs: [x], attrs, where }) => {
    if (sizeOf(attrs.shape) !== sizeOf(x!.shape))
      throw new ShapeError({
        where,
        expected: `a shape of ${sizeOf(x!.shape)} elements (${formatShape(x!.shape)})`,
        got: formatShape(attrs.shape),
      });
    return [real(attrs.shape)];
  },
  eval: ({ inputs: [x], outputs: [y] }) => y.set(x!),
  grad: ({ inputs: [x], gradOutputs: [dy] }) => [reshape(dy!, x!.shape)],
  lower: { onednn: view },
  cost: () => 0,
  traits: { sight: () => 'element' },
  inPlace: {},
  examples: [
    { shapes: [[2, 3, 4]], attrs: { shape: [4, 6] } },
    { shapes: [[1, 17, 2, 2]], attrs: { shape: [68] } },
    { shapes: [[1]], attrs: { shape: [] } },
  ],
});

export const flattenOp = defineOp({
  name: 'flatten',
  doc: 'Joins all axes after the first: [N, C, H, W] becomes [N, C·H·W].',
  inputs: [{ name: 'x', doc: 'At least one axis.' }],
  outputs: ['y'],
  attrs: {},
  infer: ({ inputs: [x], where }) => {
    if (!x!.shape.length) throw new ShapeError({ where, expected: 'at least one axis', got: 'a scalar' });
    return [real([x!.shape[0], sizeOf(x!.shape.slice(1))])];
  },
  eval: ({ inputs: [x], outputs: [y] }) => y.set(x!),
  grad: ({ inputs: [x], gradOutputs: [dy] }) => [reshape(dy!, x!.shape)],
  lower: { onednn: view },
  cost: () => 0,
  traits: { flatten: true, sight: () => 'element' },
  inPlace: {},
  examples: [{ shapes: [[2, 3, 4, 5]] }, { shapes: [[1, 17, 1, 2]] }, { shapes: [[3, 4]] }, { shapes: [[3]] }],
});

/**
 * The same elements, in row-major order, under another shape.
 *
 * **Shapes**: any → `shape`, of as many elements; one extent may be −1: what is left.
 *
 * **Throws** `ShapeError` if the number of elements differs.
 *
 * **Source**: `torch.reshape`.
 *
 * @example const y = reshape(x, [8, -1]); // [8,3,4] → [8,12]
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const known = -sizeOf(shape);
  const complete =
    shape.filter((extent) => extent === -1).length === 1 ? shape.map((e) => (e === -1 ? sizeOf(x.shape) / known : e)) : shape;
  return apply(reshapeOp, [x], { shape: complete })[0];
}

/**
 * Joins all axes after the first.
 *
 * **Shapes**: `[N, C, H, W]` → `[N, C·H·W]`; any rank from 1.
 *
 * **Source**: `torch.flatten(x, 1)`.
 *
 * @example const features = flatten(maxPool2d(x, 2)); // [64,32,14,14] → [64,1568]
 */
export const flatten = (x: Tensor): Tensor => apply(flattenOp, [x])[0];
