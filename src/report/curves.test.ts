import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { ResultRow } from './csv.ts';
import { comparisonSvg, curvesSvg } from './curves.ts';
import { renderPng } from './render.ts';

const rows = (n: number): ResultRow[] =>
  Array.from({ length: n }, (_, i) => ({
    epoch: 1 + Math.floor(i / 10),
    step: 100 * (i + 1),
    trainLoss: 2 / (i + 1),
    trainAccuracy: 1 - 0.5 / (i + 1),
    testLoss: 1.8 / (i + 1) + 0.02,
    testAccuracy: 1 - 0.4 / (i + 1) - 0.02,
  }));
const count = (svg: string, part: string) => svg.split(part).length - 1;

describe('curvesSvg', () => {
  it('names both axes with units and marks the best of each curve', () => {
    const svg = curvesSvg(rows(28), { title: 'mnist', note: 'Adam 0.001' });
    for (const words of ['>mnist<', 'Adam 0.001', 'cross-entropy loss (nats), logarithmic', 'accuracy (%)', 'step (batches)'])
      expect(svg).toContain(words);
    expect(svg).toContain('train: min 0.0714 at step 2\u202f800');
    expect(svg).toContain('test: max 96.57 % at step 2\u202f800');
    expect(count(svg, 'r="5"')).toBe(4);
    expect(count(svg, '<path')).toBe(4);
  });

  it('marks the lowest loss, not the last', () => {
    const svg = curvesSvg(rows(10).map((row, i) => (i === 4 ? { ...row, testLoss: 0.001 } : row)));
    expect(svg).toContain('test: min 0.001 at step 500');
  });

  it('writes a loss that ran away so that it fits beside the axis', () => {
    const svg = curvesSvg(rows(1).map((row) => ({ ...row, trainLoss: 646_123_456 })));
    expect(svg).toContain('train: min 6.46e8 at step 100');
    expect(svg).toContain('>1e8<');
    expect(svg).not.toMatch(/>\d{6,}</);
  });

  it('leaves a gap where a loss is not finite, and says from where', () => {
    const svg = curvesSvg(rows(10).map((row, i) => (i === 5 ? { ...row, trainLoss: Number.NaN } : row)));
    expect(svg).toContain('not finite from step 600');
    expect(svg.match(/<path d="([^"]*)"/)![1].match(/M/g)).toHaveLength(2);
    expect(svg).not.toMatch(/NaN|Infinity/);
  });

  it('passes over what was not measured', () => {
    const svg = curvesSvg(
      rows(10).map(({ testLoss, testAccuracy, ...row }, i) => (i % 5 === 4 ? { ...row, testLoss, testAccuracy } : row)),
    );
    expect(svg).not.toContain('not finite');
    expect(svg).toContain('test: min 0.2 at step 1\u202f000');
  });

  it('gives accuracy an axis of five points at least, within 0 and 100', () => {
    const [low, high] = [99.1, 99.3].map((accuracy) => ({ ...rows(1)[0], trainAccuracy: accuracy / 100, testAccuracy: accuracy / 100 }));
    const svg = curvesSvg([low, { ...high, step: 200 }]);
    const ticks = Array.from(svg.slice(svg.indexOf('>Accuracy<')).matchAll(/text-anchor="end">([\d.]+)</g), ([, tick]) => Number(tick));
    expect(Math.max(...ticks)).toBe(100);
    expect(Math.min(...ticks)).toBeLessThanOrEqual(95);
  });

  it('begins at the first epoch', () => {
    const svg = curvesSvg(
      rows(100).map((row, i) => ({ ...row, epoch: i + 1 })),
      { over: 'epoch' },
    );
    const ticks = Array.from(svg.matchAll(/text-anchor="middle">(\d+)</g), ([, tick]) => Number(tick));
    expect(ticks.slice(0, 6)).toEqual([1, 20, 40, 60, 80, 100]);
  });

  it('takes a title that no font can draw for none', () => {
    expect(curvesSvg(rows(2), { title: '\u{f1234}' })).toContain('>Training<');
  });

  it('puts a dot on each of few points and none on hundreds', () => {
    expect(count(curvesSvg(rows(10)), 'r="2.5"')).toBe(40);
    expect(count(curvesSvg(rows(700)), 'r="2.5"')).toBe(0);
  });

  it('has an axis with several values around a single point', () => {
    const [point] = rows(1);
    const flat = curvesSvg([{ ...point, testLoss: point.trainLoss, testAccuracy: point.trainAccuracy }]);
    expect(count(flat, 'text-anchor="end"')).toBeGreaterThan(6);
  });

  it.each([
    ['none', []],
    ['one', rows(1)],
    ['two equal', [rows(1)[0], rows(1)[0]]],
    ['all lost', rows(3).map((row) => ({ ...row, trainLoss: Number.NaN, testLoss: Infinity }))],
    ['only zeros', rows(3).map((row) => ({ ...row, trainLoss: 0, testLoss: 0, trainAccuracy: 1, testAccuracy: 1 }))],
    ['hundreds', rows(700)],
  ])('draws points: %s', async (_, points) => {
    const svg = curvesSvg(points);
    expect(svg).not.toMatch(/"[^"]*(NaN|Infinity|undefined)[^"]*"/);
    const { dominant } = await sharp(await renderPng(svg, { scale: 1 })).stats();
    expect(dominant.r + dominant.g + dominant.b).toBeGreaterThan(700);
  });
});

describe('comparisonSvg', () => {
  const runs = [
    { name: 'plain', colour: '#123456', rows: rows(10) },
    { name: 'deep', rows: rows(5), dashed: true },
    { name: 'third', rows: rows(3) },
  ];

  it('names every run with its own best, in two columns', () => {
    const svg = comparisonSvg(runs, { title: 'Depths' });
    for (const words of ['plain: min 0.2 at step 1\u202f000', 'deep: min 0.4 at step 500', 'third: max 83.33 % at step 300'])
      expect(svg).toContain(words);
    const [plain, deep, third] = runs.map(({ name }) => new RegExp(`<text x="(\\d+)" y="([\\d.]+)"[^>]*>${name}: min`).exec(svg)!);
    expect(deep[2]).toBe(plain[2]);
    expect(third[1]).toBe(plain[1]);
    expect(Number(third[2])).toBeGreaterThan(Number(plain[2]));
  });

  it('draws each in its colour, dashed where asked', () => {
    const svg = comparisonSvg(runs);
    expect(count(svg, '<path')).toBe(6);
    expect(svg).toMatch(/<path[^>]*stroke="#123456"/);
    expect(svg.match(/<path[^>]*stroke-dasharray/g)).toHaveLength(2);
  });

  it('shows the test pictures where asked', () => {
    expect(comparisonSvg(runs, { split: 'test' })).toContain('deep: min 0.38 at step 500');
  });
});
