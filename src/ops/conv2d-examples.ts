import type { Example } from '../graph/op.ts';

/** Odd sizes, channel counts that do not fill a block, every attribute off its default. */
export const conv2dExamples: readonly Example[] = [
  { shapes: [[2, 3, 7, 6], [5, 3, 3, 3], [5]], attrs: { padding: [1, 1, 1, 1] } },
  { shapes: [[1, 1, 5, 5], [17, 1, 5, 5], [17]], attrs: { padding: [2, 2, 2, 2] } },
  {
    shapes: [
      [2, 17, 4, 5],
      [3, 17, 1, 1],
    ],
  },
  { shapes: [[2, 3, 8, 7], [4, 3, 3, 2], [4]], attrs: { stride: [2, 1], padding: [0, 1, 2, 1] } },
  { shapes: [[1, 3, 9, 7], [2, 3, 3, 3], [2]], attrs: { dilation: [2, 1], padding: [2, 0, 1, 3] } },
  { shapes: [[2, 6, 5, 5], [4, 3, 3, 3], [4]], attrs: { groups: 2, activation: 'relu' } },
  { shapes: [[1, 17, 5, 6], [17, 1, 3, 3], null], attrs: { groups: 17, stride: [2, 2], padding: [1, 1, 1, 1] } },
  { shapes: [[2, 16, 4, 5], [17, 16, 3, 3], [17], [2, 17, 4, 5]], attrs: { padding: [1, 1, 1, 1], activation: 'relu' } },
  { shapes: [[1, 16, 6, 6], [32, 16, 5, 5], [32]], attrs: { padding: [2, 2, 2, 2] } },
  { shapes: [[1, 3, 11, 11], [16, 3, 7, 7], null, [1, 16, 6, 6]], attrs: { stride: [2, 2], padding: [3, 3, 3, 3] } },
];
