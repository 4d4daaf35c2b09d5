import { describe, expect, it } from 'vitest';
import { Rng } from '../core/rng.ts';
import { type Lifetime, planMemory } from './plan-memory.ts';

const overlaps = (a: Lifetime, b: Lifetime) => a.first <= b.last && b.first <= a.last;

describe('planMemory', () => {
  it('never lets two live buffers share a byte, and keeps every offset aligned', () => {
    const rng = new Rng('lifetimes');
    for (let round = 0; round < 50; round++) {
      const buffers = Array.from({ length: 40 }, () => {
        const first = rng.int(30);
        return { bytes: 1 + rng.int(5000), first, last: first + rng.int(8) };
      });
      const { offsets, arenaBytes } = planMemory(buffers);
      buffers.forEach((a, i) => {
        expect(offsets[i] % 64).toBe(0);
        expect(offsets[i] + a.bytes).toBeLessThanOrEqual(arenaBytes);
        buffers.slice(0, i).forEach((b, j) => {
          if (overlaps(a, b)) expect(offsets[i] + a.bytes <= offsets[j] || offsets[j] + b.bytes <= offsets[i]).toBe(true);
        });
      });
    }
  });

  it('reuses the bytes of what is dead: a chain needs two buffers, not ten', () => {
    const chain = Array.from({ length: 10 }, (_, i) => ({ bytes: 640, first: i, last: i + 1 }));
    expect(planMemory(chain)).toMatchObject({ arenaBytes: 1280, unsharedBytes: 6400 });
  });

  it('plans nothing for nothing', () => {
    expect(planMemory([])).toEqual({ offsets: [], arenaBytes: 0, unsharedBytes: 0 });
  });
});
