import { describe, expect, it } from 'vitest';
import { drawnNames, fontNote, legible, titled } from './fonts.ts';
import { renderPng, textWidthPx } from './render.ts';
import { text } from './svg.ts';
import { drawing } from './theme.ts';

/** Of a private area: no font has them. */
const [one, other] = ['\u{f1234}', '\u{f5678}'];
const draw = (words: string) => renderPng(drawing(400, 40, [text(10, 28, words)]), { scale: 1 });

describe('legible', () => {
  it('leaves signs that can be drawn, with their marks', () => {
    for (const words of ['rose', 'Größe → e\u0301 α я א ب', '1\u202f234', '❤\ufe0f', '']) expect(legible(words)).toBe(words);
  });

  it('gives the numbers of signs that no font has, a reader’s sign at a time', () => {
    expect(legible(`${one} rose`)).toBe('⟨F1234⟩ rose');
    expect(legible(`a${one}${other}\u0301é`)).toBe('a⟨F1234 F5678 301⟩é');
  });

  it('never leaves two signs of another script to one and the same empty box', async () => {
    const [a, b, c] = await Promise.all(['玫', '瑰', '🌹'].map(draw));
    expect(a).not.toEqual(b);
    expect(b).not.toEqual(c);
  });
});

it('a drawing shows the numbers, and leaves room for them', async () => {
  expect(await draw(`${one} rose`)).toEqual(await draw('⟨F1234⟩ rose'));
  expect(textWidthPx(one, 20)).toBe(textWidthPx('⟨F1234⟩', 20));
});

it('drawnNames numbers classes with such signs and keeps the rest of their names', () => {
  expect(drawnNames(['rose', one, `${one} tulip`, 'Ñandú'])).toEqual(['rose', 'class 1', 'class 2: tulip', 'Ñandú']);
});

it('titled leaves out a name that no font can draw', () => {
  expect(titled('ants-2', 'worst mistakes')).toBe('ants-2: worst mistakes');
  expect(titled(`${one}2`, 'worst mistakes')).toBe('Worst mistakes');
});

it('fontNote tells which number stands for which name, up to twenty of them, and nothing where all can be drawn', () => {
  expect(fontNote(['rose', 'Größe'], 'the same command')).toEqual([]);
  const lines = fontNote(['rose', one, `${one} tulip`], 'the same command');
  expect(lines.slice(1, 3)).toEqual([`  class 1  ${one}`, `  class 2: tulip  ${one} tulip`]);
  expect(lines.at(-1)).toContain('the same command draws them anew');
  expect(
    fontNote(
      Array.from({ length: 25 }, () => one),
      'it',
    ).at(-2),
  ).toBe('  … and 5 more');
});
