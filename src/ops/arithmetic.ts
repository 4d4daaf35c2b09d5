import { sizeOf } from '../core/shape.ts';
import { attr } from '../graph/attrs.ts';
import type { BinaryStep } from '../graph/lowering.ts';
import { defineOp } from '../graph/op.ts';
import { apply, type Tensor } from '../graph/tensor.ts';
import { expectSame, real } from './check.ts';
import { activate, activationAttr, throughActivation } from './relu.ts';

const binary = (algorithm: BinaryStep['algorithm'], activation?: BinaryStep['activation']): BinaryStep => ({
  kind: 'binary',
  algorithm,
  a: { of: { in: 0 }, layout: 'given' },
  b: { of: { in: 1 }, layout: { like: { in: 0 } } },
  dst: { of: { out: 0 }, layout: { like: { in: 0 } } },
  activation,
});

const pairExamples = [
  {
    shapes: [
      [2, 3, 5, 4],
      [2, 3, 5, 4],
    ],
  },
  {
    shapes: [
      [1, 17, 3, 3],
      [1, 17, 3, 3],
    ],
  },
  { shapes: [[7], [7]] },
];

export const addOp = defineOp({
  name: 'add',
  doc: 'Sum of two tensors of one shape: y = act(a + b).',
  inputs: [
    { name: 'a', doc: 'Any shape.' },
    { name: 'b', doc: 'Shape of a.' },
  ],
  outputs: ['y'],
  attrs: { activation: activationAttr },
  infer: ({ inputs: [a, b], where }) => {
    expectSame(where, 'a', a!, 'b', b!);
    return [real(a!.shape)];
  },
  eval: ({ inputs, outputs: [y], attrs }) => {
    const a = inputs[0]!;
    const b = inputs[1]!;
    for (let i = 0; i < y.length; i++) y[i] = a[i] + b[i];
    activate(attrs.activation, y);
  },
  grad: ({ outputs: [y], gradOutputs: [dy], attrs }) => {
    const dz = throughActivation(attrs.activation, y, dy!);
    return [dz, dz];
  },
  lower: { onednn: ({ attrs }) => [binary('add', attrs.activation)] },
  cost: ({ outputs: [y] }) => sizeOf(y.shape),
  traits: { elementwise: true, addition: true, absorbsActivation: true },
  inPlace: {},
  examples: [...pairExamples, { ...pairExamples[1], attrs: { activation: 'relu' } }],
});

export const mulOp = defineOp({
  name: 'mul',
  doc: 'Product element by element: y = a·b.',
  inputs: [
    { name: 'a', doc: 'Any shape.' },
    { name: 'b', doc: 'Shape of a.' },
  ],
  outputs: ['y'],
  attrs: {},
  infer: ({ inputs: [a, b], where }) => {
    expectSame(where, 'a', a!, 'b', b!);
    return [real(a!.shape)];
  },
  eval: ({ inputs, outputs: [y] }) => {
    const a = inputs[0]!;
    const b = inputs[1]!;
    for (let i = 0; i < y.length; i++) y[i] = a[i] * b[i];
  },
  grad: ({ inputs: [a, b], gradOutputs: [dy], needs }) => [needs[0] ? mul(dy!, b!) : undefined, needs[1] ? mul(dy!, a!) : undefined],
  lower: { onednn: () => [binary('mul')] },
  cost: ({ outputs: [y] }) => sizeOf(y.shape),
  traits: { elementwise: true },
  inPlace: {},
  examples: pairExamples,
});

export const scaleOp = defineOp({
  name: 'scale',
  doc: 'Product with a constant: y = factor·x.',
  inputs: [{ name: 'x', doc: 'Any shape.' }],
  outputs: ['y'],
  attrs: { factor: attr.number({ doc: 'The constant.' }) },
  infer: ({ inputs: [x] }) => [real(x!.shape)],
  eval: ({ inputs, outputs: [y], attrs: { factor } }) => {
    const x = inputs[0]!;
    for (let i = 0; i < y.length; i++) y[i] = factor * x[i];
  },
  grad: ({ gradOutputs: [dy], attrs }) => [scale(dy!, attrs.factor)],
  lower: {
    onednn: ({ attrs }) => [
      {
        kind: 'eltwise',
        algorithm: 'linear',
        direction: 'forward',
        alpha: attrs.factor,
        beta: 0,
        src: { of: { in: 0 }, layout: 'given' },
        dst: { of: { out: 0 }, layout: { like: { in: 0 } } },
      },
    ],
  },
  cost: ({ outputs: [y] }) => sizeOf(y.shape),
  traits: { elementwise: true },
  inPlace: {},
  examples: [
    { shapes: [[2, 3, 5, 4]], attrs: { factor: -1.5 } },
    { shapes: [[1, 17, 3, 3]], attrs: { factor: 0.4 } },
    { shapes: [[]], attrs: { factor: 3 } },
  ],
});

/**
 * Sum of two tensors, element by element.
 *
 *     y = a + b
 *
 * **Shapes**: a and b equal (nothing is broadcast); y has their shape.
 *
 * **Throws** `ShapeError` if the shapes differ.
 *
 * **Source**: `torch.add`, which also broadcasts.
 *
 * @example const y = relu(add(block, shortcut));
 */
export const add = (a: Tensor, b: Tensor): Tensor => apply(addOp, [a, b])[0];

/**
 * Product of two tensors, element by element.
 *
 *     y = a·b
 *
 * **Shapes**: a and b equal (nothing is broadcast); y has their shape.
 *
 * **Throws** `ShapeError` if the shapes differ.
 *
 * **Source**: `torch.mul`, which also broadcasts.
 *
 * @example const y = mul(x, mask);
 */
export const mul = (a: Tensor, b: Tensor): Tensor => apply(mulOp, [a, b])[0];

/**
 * Product with a constant.
 *
 *     y = factor·x
 *
 * **Shapes**: any; y has x's shape.
 *
 * - `factor`: any number.
 *
 * @example const total = add(loss, scale(auxiliaryLoss, 0.4));
 */
export const scale = (x: Tensor, factor: number): Tensor => apply(scaleOp, [x], { factor })[0];
