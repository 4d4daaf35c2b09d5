import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { ShapeError } from '../core/errors.ts';
import { confusionMatrixSvg } from './confusion-matrix.ts';
import { renderPng } from './render.ts';

const counts = [
  [118, 5],
  [7, 23],
];
const square = (n: number) =>
  Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (i === j ? 90 : (i + j) % 7 === 0 ? 1 : 0)));
const names = (n: number) => Array.from({ length: n }, (_, i) => `flower number ${i}`);

describe('confusionMatrixSvg', () => {
  it('writes counts and the share that is right', () => {
    const svg = confusionMatrixSvg(counts, ['ants', 'bees'], { title: 'Insects' });
    for (const words of [
      '>Insects<',
      '153 pictures, 92.16 % right',
      '>118<',
      '>5<',
      '>7<',
      '>23<',
      '>ants<',
      '>bees<',
      '>truth<',
      '>guess<',
    ])
      expect(svg).toContain(words);
  });

  it('has the truth in rows and the guess in columns', () => {
    const svg = confusionMatrixSvg(counts, ['ants', 'bees']);
    const place = (words: string) =>
      /x="([\d.]+)" y="([\d.]+)"/
        .exec(svg.match(new RegExp(`<text [^>]*>${words}<`))![0])!
        .slice(1)
        .map(Number);
    const [[x118, y118], [x5, y5], [x7, y7]] = ['118', '5', '7'].map(place);
    expect(y5).toBe(y118);
    expect(x5).toBeGreaterThan(x118);
    expect(x7).toBe(x118);
    expect(y7).toBeGreaterThan(y118);
  });

  it('writes percent of each row; an empty row stays empty', () => {
    const svg = confusionMatrixSvg([...counts.map((row) => [...row, 0]), [0, 0, 0]], ['ants', 'bees', 'cats'], { normalise: true });
    for (const words of ['>95.9<', '>4.1<', '>23.3<', '>76.7<', '100 %', '>23.3 %<', 'percent of each row']) expect(svg).toContain(words);
    expect(svg).not.toContain('NaN');
    const extreme = confusionMatrixSvg(
      [
        [9999, 1],
        [0, 1],
      ],
      ['a', 'b'],
      { normalise: true },
    );
    for (const words of ['>&gt;99.9<', '>&lt;0.1<', '>100<']) expect(extreme).toContain(words);
  });

  it('leaves numbers out and turns names where cells get small', () => {
    expect(confusionMatrixSvg(square(10), names(10))).toContain('>90<');
    const svg = confusionMatrixSvg(square(120), names(120));
    expect(svg.match(/>90</g)).toHaveLength(1);
    expect(svg.match(/rotate\(-90\)">flower number/g)).toHaveLength(120);
    expect(confusionMatrixSvg(square(10), [...'0123456789'])).not.toMatch(/rotate\(-90\)">\d</);
  });

  it('colours right guesses blue and wrong ones orange, the darker the more', async () => {
    const svg = confusionMatrixSvg(
      [
        [100, 10, 1],
        [0, 50, 0],
        [0, 0, 100],
      ],
      ['a', 'b', 'c'],
    );
    const fills = [...svg.matchAll(/<rect [^>]*fill="rgb\((\d+), (\d+), (\d+)\)"/g)].map((m) => m.slice(1).map(Number));
    const [right, wrong, seldom, half] = fills;
    expect(right[2]).toBeGreaterThan(right[0]);
    expect(wrong[0]).toBeGreaterThan(wrong[2]);
    expect(seldom[1]).toBeGreaterThan(wrong[1]);
    expect(half[1]).toBeGreaterThan(right[1]);
    expect((await sharp(await renderPng(svg)).metadata()).format).toBe('png');
  });

  it('leaves out the bar of a colour that no cell has', () => {
    const bars = (rows: number[][]) =>
      Array.from(confusionMatrixSvg(rows, ['ants', 'bees']).matchAll(/id="ramp-(\w+)"/g), ([, kind]) => kind);
    expect(bars(counts)).toEqual(['right', 'wrong']);
    expect(
      bars([
        [5, 0],
        [0, 4],
      ]),
    ).toEqual(['right']);
  });

  it('draws nothing but zeros, and escapes names', () => {
    const svg = confusionMatrixSvg(
      [
        [0, 0],
        [0, 0],
      ],
      ['<a>', 'b&c'],
    );
    expect(svg).toContain('no pictures');
    expect(svg).toContain('&lt;a&gt;');
    expect(svg).not.toContain('NaN');
  });

  it('refuses counts that are not one row and column for each class', () => {
    expect(() => confusionMatrixSvg(counts, ['a', 'b', 'c'])).toThrow(/expected 3 × 3 counts for 3 classes, got 2 rows of 2/);
    expect(() => confusionMatrixSvg([[1], [1, 2]], ['a', 'b'])).toThrow(ShapeError);
  });
});
