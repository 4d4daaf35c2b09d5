import { hashKeys, mix32 } from '../core/rng.ts';
import { sizeOf } from '../core/shape.ts';
import { attr } from '../graph/attrs.ts';
import { plainKernel } from '../graph/lowering.ts';
import { defineOp } from '../graph/op.ts';
import { apply, type Tensor } from '../graph/tensor.ts';
import { mul } from './arithmetic.ts';
import { expectShape, real } from './check.ts';

export const dropoutOp = defineOp({
  name: 'dropout',
  doc: 'Sets elements to 0 at random and scales up the rest: y = x·mask, mask = 0 with probability p, else 1/(1 − p).',
  inputs: [
    { name: 'x', doc: 'Any shape.' },
    { name: 'seed', doc: 'Scalar: another one gives another mask.', dtype: 'i32', domain: 'integer' },
  ],
  outputs: ['y', 'mask'],
  attrs: {
    prob: attr.number({ doc: 'Probability of 0.', min: 0, max: 1, default: 0.5 }),
    salt: attr.int({ doc: 'Tells the dropouts of one network apart.', default: 0 }),
  },
  infer: ({ inputs: [x, seed], where }) => {
    expectShape(where, 'seed', seed!, []);
    return [real(x!.shape), real(x!.shape)];
  },
  eval: ({ inputs, outputs: [y, mask], attrs: { prob, salt } }) => {
    const x = inputs[0]!;
    const seed = inputs[1]![0];
    const before = mix32(seed) ^ mix32(salt + 0x9e3779b9);
    const after = mix32(before);
    const kept = 1 - prob;
    const factor = kept > 0 ? 1 / kept : 0;
    for (let i = 0; i < x.length; i++) {
      // Two rounds: with one, the masks of two seeds would be the same sequence, shifted.
      const unit = mix32(mix32(i ^ before) + after) * 2 ** -32;
      // 1 if unit ≥ prob, else 0. No branch: none can be predicted here, and that took most of the time.
      mask[i] = Math.floor(unit + kept) * factor;
      y[i] = x[i] * mask[i];
    }
  },
  grad: ({ outputs: [, mask], gradOutputs: [dy] }) => [mul(dy!, mask)],
  lower: { onednn: plainKernel },
  cost: ({ inputs: [x] }) => sizeOf(x!.shape),
  traits: { sight: () => 'position' },
  inPlace: {},
  examples: [
    { shapes: [[3, 17], []] },
    { shapes: [[2, 3, 4, 5], []], attrs: { prob: 0.2, salt: 7 } },
    { shapes: [[4, 5], []], attrs: { prob: 0 } },
    { shapes: [[4, 5], []], attrs: { prob: 1 } },
  ],
});

/**
 * Dropout: sets elements to 0 at random and scales up the others so that the mean stays.
 *
 *     y = x·mask,   mask = 0 with probability prob, else 1/(1 − prob)
 *
 * **Shapes**: x any, seed `[]` (i32) → y like x.
 *
 * - `prob`: 0 … 1, default 0.5.
 * - `salt`: 32-bit integer; tells dropouts apart that share the seed. Default: from the path of the module, another at each use of it.
 *
 * Numerics: the mask is a hash of (seed, salt, index): the same on every engine and for any number of threads. Feed another seed at every step.
 *
 * **Source**: Srivastava et al., "Dropout", 2014; scaling as in `torch.nn.Dropout`.
 *
 * @example const y = dropout(x, x.graph.input('seed', [], 'i32'), { prob: 0.5 });
 */
export function dropout(x: Tensor, seed: Tensor, { prob = 0.5, salt }: { prob?: number; salt?: number } = {}): Tensor {
  const { path } = x.graph;
  const before = x.graph.timesApplied(dropoutOp.name);
  const ownSalt = before === 0 ? hashKeys('dropout', path) : hashKeys('dropout', path, before);
  return apply(dropoutOp, [x, seed], { prob, salt: salt ?? ownSalt })[0];
}
