import { describe, expect, it } from 'vitest';
import { type PenaltyPoint, penaltyExample, penaltySvg } from './penalty-chart.ts';

const template = { pixels: new Uint8Array(48), width: 4, height: 4 };
const points: PenaltyPoint[] = [
  { l2: 0, trainAccuracy: 0.5, testAccuracy: 0.4, squaredWeights: 20, template },
  { l2: 0.1, trainAccuracy: 0.45, testAccuracy: 0.41, squaredWeights: 2, template },
  { l2: 1, trainAccuracy: 0.3, testAccuracy: 0.3, squaredWeights: 0.05, template },
];

describe('penaltySvg', () => {
  it('draws accuracy, Σ W² and a template for every λ', async () => {
    const svg = await penaltySvg(points, { title: 'λ', note: '', className: 'ship' });
    expect(svg.match(/<circle /g)).toHaveLength(9);
    expect(svg.match(/<image /g)).toHaveLength(3);
    expect(svg).toContain('The weights of ship');
    expect(svg).toContain('R(w₂) = 0.25² + 0.25² + 0.25² + 0.25² = 0.25');
    expect(svg).not.toContain('NaN');
  });

  it('names two sizes or more on the axis, however little they differ', async () => {
    const alike = points.map((point, i) => ({ ...point, squaredWeights: 0.05 - 0.003 * i }));
    const svg = await penaltySvg(alike, { title: '', note: '', className: 'ship' });
    const sizes = Array.from(svg.matchAll(/text-anchor="end">(0\.0\d+)</g), ([, size]) => Number(size));
    expect(sizes.length).toBeGreaterThan(1);
  });

  it('has the course’s example: equal scores, four times the penalty', () => {
    const { x, weights } = penaltyExample;
    const scores = weights.map((w) => w.reduce<number>((sum, value, i) => sum + value * x[i], 0));
    const squares = weights.map((w) => w.reduce<number>((sum, value) => sum + value * value, 0));
    expect([scores, squares]).toEqual([
      [1, 1],
      [1, 0.25],
    ]);
  });
});
