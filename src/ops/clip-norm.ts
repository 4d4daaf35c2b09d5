import { sizeOf } from '../core/shape.ts';
import { attr } from '../graph/attrs.ts';
import { reductionKernel } from '../graph/lowering.ts';
import { defineOp, none } from '../graph/op.ts';
import { apply, type Tensor } from '../graph/tensor.ts';
import { real } from './check.ts';

export const clipNormOp = defineOp({
  name: 'clipNorm',
  doc: 'Norm of all gradients together and the factor that shortens them to a maximum: norm = √Σ g², scale = min(1, maxNorm / (norm + 1e−6)).',
  inputs: [{ name: 'gradients', doc: 'Gradients of any shapes', variadic: true }],
  outputs: ['norm', 'scale'],
  attrs: { maxNorm: attr.number({ doc: 'Largest norm that stays as it is', min: 0 }) },
  infer: () => [real([]), real([])],
  eval: ({ inputs, outputs: [norm, scale], attrs: { maxNorm } }) => {
    let squares = 0;
    for (const gradient of inputs) squares += sumOfSquares(gradient as Float32Array);
    norm[0] = Math.sqrt(squares);
    scale[0] = Math.min(1, maxNorm / (Math.sqrt(squares) + 1e-6));
  },
  grad: none('an optimizer step is not differentiated'),
  lower: { onednn: reductionKernel },
  cost: ({ inputs }) => inputs.reduce((flops, g) => flops + 2 * sizeOf(g!.shape), 0),
  traits: {},
  inPlace: {},
  examples: [
    { shapes: [[10, 17]], attrs: { maxNorm: 1 } },
    { shapes: [[3, 3, 5, 5], [3], [10, 12]], attrs: { maxNorm: 100 } },
  ],
});

function sumOfSquares(x: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i] * x[i];
  return sum;
}

/**
 * Norm of all gradients together, and the factor that an update multiplies them by so that the norm stays below a maximum.
 *
 *     norm = √ Σ g²   over all elements of all gradients,   scale = min(1, maxNorm / (norm + 1e−6))
 *
 * **Shapes**: gradients of any shapes; norm and scale `[]`.
 *
 * - `maxNorm` 0 or more; no default
 *
 * Squares are summed in double precision. A NaN gradient makes both NaN.
 *
 * **Source**: `torch.nn.utils.clip_grad_norm_`. Here the gradients themselves stay as they are; the update applies the factor.
 *
 * @example const { norm, scale } = clipNorm(gradients, 1);
 */
export function clipNorm(gradients: readonly Tensor[], maxNorm: number): { norm: Tensor; scale: Tensor } {
  const [norm, scale] = apply(clipNormOp, gradients, { maxNorm });
  return { norm, scale };
}
