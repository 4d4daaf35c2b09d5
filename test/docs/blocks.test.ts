import { expect, it } from 'vitest';
import { blocksIn, firstMissing, firstUnknown } from './blocks.ts';

it('finds commands and programs with what stands above and below them', () => {
  const page = [
    'Words.',
    '<!-- test: --epochs 1 -->',
    '<!-- expect: a b; c -->',
    '<!-- varies: d -->',
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
    { language: 'sh', code: 'npx fovea x', line: 5, shown: ['out', ''], budget: ['--epochs', '1'], expected: ['a b', 'c'], varying: ['d'] },
    { language: 'ts', code: 'f();', line: 12, shown: [], budget: [], expected: [], varying: [] },
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

it('compares the words alone where numbers depend on the data, but for lines that vary', () => {
  expect(firstUnknown(['b [12/60 (20%)]', '', '…', 'a 0.5'], ['a  1', 'b [ 1/2 (  5%)]'], [])).toBeUndefined();
  expect(firstUnknown(['a 1', 'loss 2'], ['a 1', 'gain 2'], [])).toBe('loss 2');
  expect(firstUnknown(['a 1', 'cat 2'], ['a 1', 'dog 2'], ['cat'])).toBeUndefined();
});
