import { expect, it } from 'vitest';
import { completeRecipe } from '../train/recipe.ts';
import { describeTransfer, fontLines } from './picture-text.ts';

it('describeTransfer tells of frozen layers that nothing trained', () => {
  const told = (recipe: object) => describeTransfer(completeRecipe({ data: 'pets', ...recipe })).join();
  expect(told({ weights: 'none', freeze: 'backbone' })).toContain('keep their random weights');
  for (const recipe of [{ weights: 'none' }, { weights: 'none', freeze: 'backbone', unfreezeEpoch: 2 }, { freeze: 'backbone' }])
    expect(told(recipe)).not.toContain('random weights');
});

it('fontLines tells which number stands for a name that no font can draw, and nothing where all can be drawn', () => {
  expect(fontLines(['rose', 'Größe'], 'runs/a')).toEqual([]);
  const lines = fontLines(['rose', '\u{f1234}', '\u{f1234} tulip'], 'runs/a');
  expect(lines).toContain('  class 1  \u{f1234}');
  expect(lines).toContain('  class 2: tulip  \u{f1234} tulip');
  expect(lines.at(-1)).toContain('npx fovea train --resume runs/a');
});
