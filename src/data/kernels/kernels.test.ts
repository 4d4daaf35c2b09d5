import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Scratch } from '../scratch.ts';
import { sourceDigest } from './binary.ts';

it('binary.ts was made from kernels.as as it is now (run build.mjs after a change)', () => {
  const source = readFileSync(new URL('kernels.as', import.meta.url));
  expect(createHash('sha256').update(source).digest('hex')).toBe(sourceDigest);
});

it('a scratch keeps what lies in it while it grows', () => {
  const scratch = new Scratch();
  const first = scratch.bytes(0, 1000).fill(7);
  const second = scratch.bytes(1, 3_000_000).fill(9);
  scratch.bytes(2, 40_000_000);
  expect([first.every((b) => b === 7), second.every((b) => b === 9)]).toEqual([true, true]);
  expect(scratch.bytes(0, 900).byteOffset).toBe(first.byteOffset);
  expect(scratch.bytes(0, 5000).byteOffset).not.toBe(first.byteOffset);
  expect([scratch.holds(first), scratch.holds(second), scratch.holds(new Uint8Array(4))]).toEqual([true, true, false]);
  expect(scratch.bytes(3, 4)[0]).toBe(0);
  expect(scratch.place(Uint8Array.of(5, 6), 3)).toBe(scratch.bytes(3, 2).byteOffset);
  expect([...scratch.bytes(3, 2)]).toEqual([5, 6]);
});
