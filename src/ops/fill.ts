import type { Shape } from '../core/shape.ts';
import { attr } from '../graph/attrs.ts';
import { plainKernel } from '../graph/lowering.ts';
import { defineOp, none } from '../graph/op.ts';
import type { GraphBuilder, Tensor } from '../graph/tensor.ts';
import { real } from './check.ts';

export const fillOp = defineOp({
  name: 'fill',
  doc: 'A tensor of one constant: y = value.',
  inputs: [],
  outputs: ['y'],
  attrs: { value: attr.number({ doc: 'The constant.' }), shape: attr.ints({ doc: 'Shape of y.', min: 1 }) },
  infer: ({ attrs }) => [real(attrs.shape)],
  eval: ({ outputs: [y], attrs }) => y.fill(attrs.value),
  grad: none('a constant has no inputs'),
  lower: { onednn: plainKernel },
  cost: () => 0,
  traits: {},
  inPlace: {},
  examples: [
    { shapes: [], attrs: { value: 1, shape: [] } },
    { shapes: [], attrs: { value: -2.5, shape: [2, 17, 3] } },
  ],
});

/**
 * A tensor of one constant in a graph.
 *
 *     y = value
 *
 * **Shapes**: y `shape`; `[]` is a scalar.
 *
 * @example const seed = fill(graph, 1); // the gradient of the loss with respect to itself
 */
export const fill = (graph: GraphBuilder, value: number, shape: Shape = []): Tensor => graph.apply(fillOp, [], { value, shape })[0];
