import { describe, expect, it } from 'vitest';
import { FoveaError, formatComplaint, UsageError } from './errors.ts';
import { f32, findNonFinite, indexOfNonFinite } from './ndarray.ts';
import { hashKeys, Rng } from './rng.ts';
import { windowPositions } from './shape.ts';

describe('windowPositions', () => {
  const axis = { stride: 1, padBegin: 0, padEnd: 0, dilation: 1 };
  it('gives the sizes of the course and of PyTorch', () => {
    expect(windowPositions({ ...axis, size: 32, kernel: 5, padBegin: 2, padEnd: 2 })).toBe(32);
    expect(windowPositions({ ...axis, size: 227, kernel: 11, stride: 4 })).toBe(55);
    expect(windowPositions({ ...axis, size: 112, kernel: 3, stride: 2 })).toBe(55);
    expect(windowPositions({ ...axis, size: 112, kernel: 3, stride: 2, ceil: true })).toBe(56);
    expect(windowPositions({ ...axis, size: 10, kernel: 3, dilation: 2 })).toBe(6);
  });
  it('drops a last window that would begin in the end padding', () => {
    expect(windowPositions({ ...axis, size: 3, kernel: 2, stride: 2, padBegin: 1, padEnd: 1, ceil: true })).toBe(2);
  });
  it('refuses a window larger than the picture, saying what would fit', () => {
    expect(() => windowPositions({ ...axis, size: 4, kernel: 5 }, 'conv2d @ conv1')).toThrow(/\[conv2d @ conv1\] .*at most 4 px.*got 5 px/);
  });
});

it('indexOfNonFinite finds the first wherever it stands, and takes no sum that overflows for one', () => {
  for (let length = 1; length < 11; length++)
    for (let at = 0; at < length; at++)
      for (const value of [Number.NaN, Infinity, -Infinity]) {
        const data = new Float32Array(length).fill(3e38);
        data[at] = value;
        if (at + 1 < length) data[length - 1] = -value;
        expect(indexOfNonFinite(data)).toBe(at);
      }
  expect(indexOfNonFinite(new Float32Array(9).fill(3e38))).toBe(-1);
  expect(indexOfNonFinite(new Float64Array(9).fill(1e308))).toBe(-1);
  expect(indexOfNonFinite(new Float32Array(0))).toBe(-1);
});

describe('findNonFinite', () => {
  it('names the first array with a number that is not finite', () => {
    const [sound, broken] = [f32([1, 2]), f32([0, Number.NEGATIVE_INFINITY])];
    expect(findNonFinite(new Map([...Object.entries({ a: sound, b: broken, c: broken })]))).toEqual({ name: 'b', value: -Infinity });
    expect(findNonFinite(new Map([['a', sound]]))).toBeUndefined();
  });
});

describe('Rng', () => {
  it('gives a stream by name, whatever was drawn before', () => {
    const draw = (...keys: (string | number)[]) =>
      Array.from({ length: 4 }, () => 0).map(
        (
          (rng) => () =>
            rng.uint32()
        )(new Rng(...keys)),
      );
    expect(draw(0, 'shuffle', 1)).toEqual(draw(0, 'shuffle', 1));
    expect(draw(0, 'shuffle', 1)).not.toEqual(draw(0, 'shuffle', 2));
    expect(draw(1, 2)).not.toEqual(draw(2, 1));
    expect(hashKeys('ab', 'c')).not.toBe(hashKeys('a', 'bc'));
  });
  it('continues from a saved state', () => {
    const rng = new Rng('seed');
    rng.uint32();
    const copy = Rng.fromState(rng.state);
    expect([copy.uint32(), copy.uniform()]).toEqual([rng.uint32(), rng.uniform()]);
  });
  it('has the moments of its distributions', () => {
    const rng = new Rng(7);
    const n = 20000;
    const uniform = Array.from({ length: n }, () => rng.uniform());
    const normal = Array.from({ length: n }, () => rng.normal());
    const mean = (x: number[]) => x.reduce((a, b) => a + b, 0) / n;
    expect(mean(uniform)).toBeCloseTo(0.5, 1);
    expect(mean(uniform.map((u) => (u - 0.5) ** 2))).toBeCloseTo(1 / 12, 2);
    expect(mean(normal)).toBeCloseTo(0, 1);
    expect(mean(normal.map((z) => z * z))).toBeCloseTo(1, 1);
    expect(Math.max(...uniform)).toBeLessThan(1);
  });
  it('permutes: every index once', () => {
    const order = new Rng(3).permutation(1000);
    expect(new Set(order).size).toBe(1000);
    expect([...order]).not.toEqual([...order].sort((a, b) => a - b));
  });
});

describe('errors', () => {
  it('say where, what was expected, what came and what to do', () => {
    const complaint = { where: '--lr', expected: 'a number', got: "'x'", hint: 'Try 0.001' };
    expect(formatComplaint(complaint)).toBe("[--lr] expected a number, got 'x'. Try 0.001.");
    const error = new UsageError(complaint);
    expect(error).toBeInstanceOf(FoveaError);
    expect([error.name, error.exitCode, error.complaint]).toEqual(['UsageError', 2, complaint]);
  });
  it('show control characters instead of sending them', () => {
    expect(formatComplaint({ where: 'a\u001b[2J', expected: 'é 红 🌱', got: 'x\n\u0000\u009b' })).toBe(
      '[a\\u001b[2J] expected é 红 🌱, got x\\u000a\\u0000\\u009b.',
    );
  });
});
