import { expect, it } from 'vitest';
import { checkRunName } from '../report/run-folder.ts';
import { asRunName } from './own-run-folder.ts';

it.each([
  ['mnist', 'mnist'],
  ['my pictures (2)', 'my-pictures-2-'],
  ['.hidden', 'hidden'],
  ['玫瑰', '玫瑰'],
  ['..', 'run'],
])('a run on %s may be called %s', (data, name) => {
  expect(asRunName(data)).toBe(name);
  expect(() => checkRunName(name)).not.toThrow();
});
