import { sizeOf } from '../core/shape.ts';
import { attr } from '../graph/attrs.ts';
import { plainKernel } from '../graph/lowering.ts';
import { defineOp, type Example, none } from '../graph/op.ts';
import { apply, type Tensor } from '../graph/tensor.ts';
import { real } from './check.ts';
import { checkScores, classOf } from './targets.ts';

const attrs = {
  margin: attr.number({ doc: 'Lead over every other class below which a row is penalised', default: 1 }),
  p: attr.int({ doc: 'Exponent of the shortfall', min: 1, max: 2, default: 1 }),
  perClass: attr.flag({ doc: 'Divide the sum over the classes by their number', default: false }),
};

const grid: Example['attrs'][] = [{}, { margin: 0.5, p: 2 }, { perClass: true }];

export const multiClassHingeGradOp = defineOp({
  name: 'multiClassHingeGrad',
  doc: 'Gradient of multiClassHinge with respect to the scores: p·shortfall^(p−1) at every class that is too close, minus their sum at the target.',
  inputs: [
    { name: 'scores', doc: 'Scores, [N,C]' },
    { name: 'target', doc: 'Class index of every row, [N]', dtype: 'i32', domain: 'labels' },
    { name: 'gradLoss', doc: 'Gradient of the loss, a scalar' },
  ],
  outputs: ['gradScores'],
  attrs,
  infer: ({ inputs: [scores, target], where }) => {
    checkScores(scores!.shape, target!.shape, null, where);
    return [scores!];
  },
  eval: ({ inputs: [s, target, gradLoss], outputs: [ds], inputTypes, attrs: { margin, p, perClass } }) => {
    const [rows, classes] = inputTypes[0]!.shape;
    const scale = gradLoss![0] / (rows * (perClass ? classes : 1));
    for (let i = 0; i < rows; i++) {
      const at = i * classes;
      const y = classOf(target!, i, classes, 'multiClassHingeGrad');
      let pulled = 0;
      for (let c = 0; c < classes; c++) {
        const shortfall = margin + s![at + c] - s![at + y];
        const push = c !== y && shortfall > 0 ? scale * (p === 1 ? 1 : 2 * shortfall) : 0;
        ds[at + c] = push;
        pulled += push;
      }
      ds[at + y] = -pulled;
    }
  },
  grad: none('second derivatives are not needed'),
  lower: { onednn: plainKernel },
  cost: ({ outputs: [ds] }) => 4 * sizeOf(ds.shape),
  traits: {},
  inPlace: {},
  examples: grid.map((given) => ({ shapes: [[4, 10], [4], []], attrs: given })),
});

export const multiClassHingeOp = defineOp({
  name: 'multiClassHinge',
  doc: 'Mean over the rows of Σ_(j≠y) max(0, margin + s_j − s_y)^p.',
  inputs: [
    { name: 'scores', doc: 'Scores, [N,C]' },
    { name: 'target', doc: 'Class index of every row, [N]', dtype: 'i32', domain: 'labels' },
  ],
  outputs: ['loss'],
  attrs,
  infer: ({ inputs: [scores, target], where }) => {
    checkScores(scores!.shape, target!.shape, null, where);
    return [real([])];
  },
  eval: ({ inputs: [s, target], outputs: [loss], inputTypes, attrs: { margin, p, perClass } }) => {
    const [rows, classes] = inputTypes[0]!.shape;
    let lost = 0;
    for (let i = 0; i < rows; i++) {
      const at = i * classes;
      const y = classOf(target!, i, classes, 'multiClassHinge');
      for (let c = 0; c < classes; c++) {
        if (c === y) continue;
        const shortfall = Math.max(0, margin + s![at + c] - s![at + y]);
        lost += p === 1 ? shortfall : shortfall * shortfall;
      }
    }
    loss[0] = lost / (rows * (perClass ? classes : 1));
  },
  grad: ({ inputs: [scores, target], gradOutputs: [gradLoss], attrs: given }) =>
    apply(multiClassHingeGradOp, [scores, target, gradLoss], given),
  lower: { onednn: plainKernel },
  cost: ({ inputs: [scores] }) => 4 * sizeOf(scores!.shape),
  traits: {},
  inPlace: {},
  examples: [
    ...grid.map((given): Example => ({ shapes: [[4, 10], [4]], attrs: given })),
    { shapes: [[1, 1], [1]] },
    { shapes: [[3, 17], [3]] },
  ],
});

export interface HingeOptions {
  /** Lead over every other class below which a row is penalised; default 1. */
  margin?: number;
  /** Exponent of the shortfall, 1 or 2; default 1. */
  p?: 1 | 2;
  /** Divide by the number of classes, as PyTorch does; default false. */
  perClass?: boolean;
}

/**
 * Multi-class hinge loss: what every wrong class lacks to stay `margin` below the right one.
 *
 *     loss = 1/N · Σ_i Σ_(j≠y_i) max(0, margin + s_i,j − s_i,yi)^p
 *
 * **Shapes**: scores `[N,C]`, target i32 `[N]`; loss `[]`.
 *
 * - `margin` in units of the scores, default 1
 * - `p` 1 or 2, default 1
 * - `perClass` also divide by C, default false
 *
 * Numerics: summed in f64; where a class lies exactly at the margin the gradient is 0.
 *
 * **Throws** `ShapeError` if shapes do not fit; when it runs, `DataError` for a target that is no class.
 *
 * **Source**: Weston and Watkins, "Support vector machines for multi-class pattern recognition", 1999. `torch.nn.MultiMarginLoss`
 * divides by C: `perClass: true` is the same.
 *
 * @example const loss = multiClassHinge(linear(x, weight, bias), target);
 */
export const multiClassHinge = (scores: Tensor, target: Tensor, options: HingeOptions = {}): Tensor =>
  apply(multiClassHingeOp, [scores, target], { ...options })[0];
