import { expect, it } from 'vitest';
import { fontLines } from './picture-text.ts';

it('fontLines tells which number stands for a name that no font can draw, and nothing where all can be drawn', () => {
  expect(fontLines(['rose', 'Größe'], 'runs/a')).toEqual([]);
  const lines = fontLines(['rose', '\u{f1234}', '\u{f1234} tulip'], 'runs/a');
  expect(lines).toContain('  class 1  \u{f1234}');
  expect(lines).toContain('  class 2: tulip  \u{f1234} tulip');
  expect(lines.at(-1)).toContain('npx fovea train --resume runs/a');
});
