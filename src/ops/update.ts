import type { NumberArray } from '../core/ndarray.ts';
import type { InputSpec } from '../graph/op.ts';

/** Inputs that every optimizer step begins with. */
export const updateInputs: readonly InputSpec[] = [
  { name: 'parameter', doc: 'The parameter w, overwritten' },
  { name: 'gradient', doc: 'Its gradient g' },
  { name: 'lr', doc: 'Learning rate, a scalar', domain: 'positive', constant: true },
];

/** Last input of every optimizer step: the factor that gradient clipping found. */
export const gradientScaleInput: InputSpec = {
  name: 'gradientScale',
  doc: 'Factor on the gradient, a scalar; 1 if left out',
  domain: 'positive',
  optional: true,
  constant: true,
};

export const scaleOf = (scale: NumberArray | undefined): number => (scale ? scale[0] : 1);
