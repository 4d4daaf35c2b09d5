import { describe, expect, it } from 'vitest';
import { foldChartSvg } from './fold-chart.ts';

const points = [
  { name: '1', foldAccuracies: [0.28, 0.32], mean: 0.3, spread: 0.02 },
  { name: '5', foldAccuracies: [0.3, 0.36], mean: 0.33, spread: 0.03 },
  { name: '20', foldAccuracies: [0.27, 0.29], mean: 0.28, spread: 0.01 },
];
const words = { title: 'Folds', note: 'dots', xTitle: 'k' };
const circles = (svg: string) =>
  [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)" r="([\d.]+)"/g)].map((m) => ({
    x: Number(m[1]),
    y: Number(m[2]),
    r: Number(m[3]),
  }));

describe('foldChartSvg', () => {
  it('draws every fold, the means, and rings the best', () => {
    const svg = foldChartSvg([{ name: 'pixels', points }], words);
    expect(svg).toContain('pixels: best at 5, 33.0 % ± 3.0 %');
    const drawn = circles(svg);
    expect(drawn.filter(({ r }) => r === 3)).toHaveLength(6);
    const means = drawn.filter(({ r }) => r === 4 || r === 6.5);
    expect(means.map(({ r }) => r)).toEqual([4, 6.5, 4]);
    expect(means[1].y).toBeLessThan(means[0].y);
    expect(means[2].x - means[1].x).toBeCloseTo(means[1].x - means[0].x, 0);
    // The mean lies midway between two folds.
    const folds = drawn.filter(({ r, x }) => r === 3 && x === means[0].x);
    expect((folds[0].y + folds[1].y) / 2).toBeCloseTo(means[0].y, 0);
  });

  it('sets two series side by side, and survives equal values', () => {
    const flat = points.map((p) => ({ ...p, foldAccuracies: [1, 1], mean: 1, spread: 0 }));
    const svg = foldChartSvg(
      [
        { name: 'pixels', points },
        { name: 'net', points: flat },
      ],
      words,
    );
    expect(svg).toContain('net: best at 1, 100.0 % ± 0.0 %');
    expect(svg).not.toContain('NaN');
    expect(foldChartSvg([{ name: 'net', points: flat }], words)).not.toContain('NaN');
    // Without a note the chart moves up.
    expect(foldChartSvg([{ name: 'net', points: flat }], { title: 'Folds', xTitle: 'k' })).toContain('height="482"');
  });
});
