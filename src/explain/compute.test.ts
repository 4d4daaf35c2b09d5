import { describe, expect, it } from 'vitest';
import { f32, i32 } from '../core/ndarray.ts';
import { LocalEngine } from '../engine/local.ts';
import { createReferenceBackend } from '../engine/reference/backend.ts';
import { add, crossEntropy, mul, multiClassHinge, scale } from '../ops/index.ts';
import { compute } from './compute.ts';

const engine = new LocalEngine(createReferenceBackend());

describe('compute', () => {
  it('gives (x + y)·z and the gradients of a hand-drawn graph', async () => {
    const inputs = { x: f32([-2]), y: f32([5]), z: f32([-4]) };
    const { results, gradients } = await compute(inputs, ({ x, y, z }) => ({ f: mul(add(x, y), z) }), { gradientOf: 'f', engine });
    expect(results.f.data).toEqual(Float32Array.of(-12));
    expect([gradients.x, gradients.y, gradients.z].map((g) => g!.data[0])).toEqual([-4, -4, 3]);
  });

  it('adds what comes back over two ways, leaves out what has no part', async () => {
    const inputs = { x: f32([3]), idle: f32([1]) };
    const formula = ({ x, idle }: Record<'x' | 'idle', Parameters<typeof mul>[0]>) => ({ f: mul(x, x), other: scale(idle, 2) });
    const { results, gradients } = await compute(inputs, formula, { gradientOf: 'f', engine });
    expect(gradients.x!.data[0]).toBe(6);
    expect(gradients.idle).toBeUndefined();
    expect(results.other.data[0]).toBe(2);
  });

  it('takes classes as integers and gives them no gradient', async () => {
    const inputs = { scores: f32([3.2, 5.1, -1.7], [1, 3]), target: i32([0]) };
    const { results, gradients } = await compute(
      inputs,
      ({ scores, target }) => ({ hinge: multiClassHinge(scores, target), ...crossEntropy(scores, target) }),
      { gradientOf: 'hinge', engine },
    );
    expect(results.hinge.data[0]).toBeCloseTo(2.9, 6);
    expect(results.loss.data[0]).toBeCloseTo(2.04, 2);
    expect(gradients).toEqual({ scores: expect.objectContaining({ shape: [1, 3], data: Float32Array.of(-1, 1, 0) }) });
  });

  it('refuses the gradient of several numbers', async () => {
    const run = compute({ x: f32([1, 2]) }, ({ x }) => ({ y: scale(x, 2) }), { gradientOf: 'y', engine });
    await expect(run).rejects.toThrow('[gradientOf] expected a result of one number, got [2]');
  });
});
