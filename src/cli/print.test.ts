import { afterEach, expect, it, vi } from 'vitest';
import { printLines, printNotes } from './print.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

it('prints names of files without obeying them', () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  const error = vi.spyOn(console, 'error').mockImplementation(() => {});
  printLines(['\tconv1.weight', 'a\u001b[2J\nb.jpg']);
  printNotes(['ignored \u0007']);
  expect(log.mock.calls).toEqual([['\tconv1.weight'], ['a\\u001b[2J\\u000ab.jpg']]);
  expect(error.mock.calls).toEqual([['ignored \\u0007']]);
});
