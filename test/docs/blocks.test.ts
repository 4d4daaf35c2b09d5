import { expect, it } from 'vitest';
import { blocksIn, firstMissing } from './blocks.ts';

it('finds commands and programs with what stands above and below them', () => {
  const page = [
    'Words.',
    '<!-- test: --epochs 1 -->',
    '<!-- expect: a b; c -->',
    '```sh',
    'npx fovea x',
    '```',
    '```text',
    'out',
    '',
    '```',
    '```ts',
    'f();',
    '```',
  ];
  expect(blocksIn(page.join('\n'))).toEqual([
    { language: 'sh', code: 'npx fovea x', line: 4, shown: ['out', ''], budget: ['--epochs', '1'], expected: ['a b', 'c'] },
    { language: 'ts', code: 'f();', line: 11, shown: [], budget: [], expected: [] },
  ]);
});

it('allows for rounding, gaps and spaces', () => {
  expect(firstMissing(['a  1.0000', '…', 'b −2 e'], ['a 1.00001', 'between', 'b −2 e'])).toBeUndefined();
});

it.each([
  ['another number', ['share 0.13'], ['share 0.14']],
  ['another sign', ['x −2'], ['x 2']],
  ['another word', ['loss 2'], ['gain 2']],
  ['another order', ['a', 'b'], ['b', 'a']],
])('finds %s', (_, shown, printed) => expect(firstMissing(shown, printed)).toBeDefined());
