import { sizeOf } from '../core/shape.ts';
import { attr } from '../graph/attrs.ts';
import type { Activation } from '../graph/lowering.ts';
import { defineOp, none } from '../graph/op.ts';
import { apply, type Tensor } from '../graph/tensor.ts';
import { expectSame, real } from './check.ts';

/** Attribute of every op that can apply an activation to its own result. */
export const activationAttr = attr.oneOf(['none', 'relu'], { doc: 'Applied to the result before it is stored.', default: 'none' });

export const reluOp = defineOp({
  name: 'relu',
  doc: 'Keeps what is positive: y = max(x, 0).',
  inputs: [{ name: 'x', doc: 'Any shape.' }],
  outputs: ['y'],
  attrs: {},
  infer: ({ inputs: [x] }) => [real(x!.shape)],
  eval: ({ inputs, outputs: [y] }) => {
    const x = inputs[0]!;
    for (let i = 0; i < x.length; i++) y[i] = Math.max(x[i], 0);
  },
  grad: ({ outputs: [y], gradOutputs: [dy] }) => [reluGrad(y, dy!)],
  lower: {
    onednn: () => [
      {
        kind: 'eltwise',
        algorithm: 'relu',
        direction: 'forward',
        src: { of: { in: 0 }, layout: 'given' },
        dst: { of: { out: 0 }, layout: { like: { in: 0 } } },
      },
    ],
  },
  cost: ({ inputs: [x] }) => sizeOf(x!.shape),
  traits: { elementwise: true, activation: 'relu' },
  inPlace: {},
  examples: [{ shapes: [[5]] }, { shapes: [[2, 3, 5, 7]] }, { shapes: [[1, 17, 3, 2]] }],
});

export const reluGradOp = defineOp({
  name: 'reluGrad',
  doc: 'Gradient of relu from its result: dx = dy where y > 0, else 0.',
  inputs: [
    { name: 'y', doc: 'Result of relu.' },
    { name: 'dy', doc: 'Gradient of y.' },
  ],
  outputs: ['dx'],
  attrs: {},
  infer: ({ inputs: [y, dy], where }) => {
    expectSame(where, 'y', y!, 'dy', dy!);
    return [real(y!.shape)];
  },
  eval: ({ inputs, outputs: [dx] }) => {
    const y = inputs[0]!;
    const dy = inputs[1]!;
    for (let i = 0; i < y.length; i++) dx[i] = y[i] > 0 ? dy[i] : 0;
  },
  grad: none('second derivatives are not supported'),
  lower: {
    onednn: () => [
      {
        kind: 'eltwise',
        algorithm: 'relu',
        direction: 'backward',
        src: { of: { in: 0 }, layout: 'given' },
        dst: { of: { in: 1 }, layout: { like: { in: 0 } } },
        diffSrc: { of: { out: 0 }, layout: { like: { in: 0 } } },
      },
    ],
  },
  cost: ({ inputs: [y] }) => sizeOf(y!.shape),
  traits: { elementwise: true, masksBy: 'result' },
  inPlace: {},
  examples: none('covered by the gradient of relu'),
});

/**
 * Rectified linear unit: keeps what is positive.
 *
 *     y = max(x, 0)
 *
 * **Shapes**: any; y has x's shape.
 *
 * Numerics: the gradient at 0 is 0. NaN stays NaN on the reference engine, as in PyTorch; with oneDNN it mostly becomes 0.
 *
 * **Source**: Nair and Hinton, "Rectified Linear Units Improve Restricted Boltzmann Machines", 2010.
 *
 * @example const y = relu(conv2d(x, weight));
 */
export const relu = (x: Tensor): Tensor => apply(reluOp, [x])[0];

/** Gradient of `relu` from its result y: dy where y > 0, else 0. **Shapes**: y, dy and the result are equal. */
export const reluGrad = (y: Tensor, dy: Tensor): Tensor => apply(reluGradOp, [y, dy])[0];

/** Gradient before the activation of an op that applies one to its own result y. */
export const throughActivation = (activation: Activation, y: Tensor, dy: Tensor): Tensor => (activation === 'relu' ? reluGrad(y, dy) : dy);

/** Applies an activation to an array in place. */
export function activate(activation: Activation, y: { [i: number]: number; readonly length: number }): void {
  if (activation === 'relu') for (let i = 0; i < y.length; i++) if (y[i] < 0) y[i] = 0;
}
