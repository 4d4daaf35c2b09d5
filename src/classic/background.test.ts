import { describe, expect, it } from 'vitest';
import { borderColours, decidedByBackground } from './background.ts';

describe('borderColours', () => {
  it('averages the frame of each channel and leaves the middle out', () => {
    const side = 8;
    const plane = (border: number, middle: number) =>
      Array.from({ length: side * side }, (_, i) => {
        const [y, x] = [Math.floor(i / side), i % side];
        return y > 0 && x > 0 && y < side - 1 && x < side - 1 ? middle : border;
      });
    const data = Uint8Array.from([...plane(10, 255), ...plane(20, 0), ...plane(30, 9)]);
    expect(borderColours({ data, width: 3 * side * side }, [3, side, side])).toEqual([[10, 20, 30]]);
  });
});

describe('decidedByBackground', () => {
  it('finds wrong guesses whose voters share the colour, the largest lead first', () => {
    // Class 0 is dark, class 1 light; queries of class 0 on light ground fall to class 1.
    const rowColours = [[0], [20], [200], [220]];
    const found = decidedByBackground({
      queryColours: [[100], [210], [10], [205]],
      rowColours,
      labels: [0, 0, 0, 0],
      rowLabels: [0, 0, 1, 1],
      guesses: [1, 1, 0, 1],
      shareOf: (query) => (query === 3 ? 0.4 : 1),
      neighboursOf: () => [2, 3],
    });
    expect(found).toEqual([{ query: 1, own: [210], neighbours: [210], truth: [10], lead: 200 }]);
  });
});
