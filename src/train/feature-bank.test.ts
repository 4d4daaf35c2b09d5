import { expect, it } from 'vitest';
import { f32, i32 } from '../core/ndarray.ts';
import { GraphBuilder } from '../graph/tensor.ts';
import { scale } from '../ops/arithmetic.ts';
import { FeatureBank } from './feature-bank.ts';

it('gives the features of samples in any order, and for a broken file the sample that stands in its place', () => {
  const graph = new GraphBuilder();
  graph.output('features.0', scale(graph.input('x', [2, 3]), 2));
  const bank = new FeatureBank(graph.build(), 4);
  expect(bank.bytes).toBe(4 * 4 * 3);
  const batch = (indices: number[]) => ({ indices: Uint32Array.from(indices), x: f32([]), target: i32([]) });
  bank.put(0, batch([0, 3]), { 'features.0': f32([0, 1, 2, 30, 31, 32], [2, 3]) });
  bank.put(2, batch([2, 3]), { 'features.0': f32([20, 21, 22, 30, 31, 32], [2, 3]) });
  const { feeds, indices } = bank.take(Uint32Array.of(2, 1));
  expect(feeds['features.0']).toEqual(f32([20, 21, 22, 30, 31, 32], [2, 3]));
  expect([...indices]).toEqual([2, 3]);
});
