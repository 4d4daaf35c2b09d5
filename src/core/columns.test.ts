import { expect, it } from 'vitest';
import { columns } from './columns.ts';

it('lines up what a terminal shows: wide characters, accents, control characters', () => {
  expect(
    columns([
      ['rose', '9'],
      ['玫瑰', '12'],
      ['e\u0301\n', '1'],
    ]),
  ).toEqual(['rose      9', '玫瑰     12', 'e\u0301\\u000a   1']);
});

it('ends numbers at the right and texts where they end', () => {
  const rows = [
    ['a', 'long', '1'],
    ['bcd', 'x', ''],
  ];
  expect(columns(rows, { textColumns: 2, gap: 1 })).toEqual(['a   long 1', 'bcd x']);
  expect(columns([])).toEqual([]);
});
