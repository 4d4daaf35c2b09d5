import { expect, it } from 'vitest';
import { didYouMean } from './nearest.ts';

it.each([
  ['adamm', ['adam', 'adamw', 'sgd'], "Did you mean 'adam'?"],
  ['centrecrop', ['Resize', 'CenterCrop'], "Did you mean 'CenterCrop'?"],
  ['nonsense', ['none', 'backbone'], undefined],
  ['x', [], undefined],
])('%s among %j', (given, names, expected) => expect(didYouMean(given, names)).toBe(expected));
