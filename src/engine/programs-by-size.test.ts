import { expect, it } from 'vitest';
import type { Program } from './engine.ts';
import { ProgramsBySize } from './programs-by-size.ts';

it('plans each size once, and closes the others where one could not be planned', async () => {
  const closed: number[] = [];
  let plans = 0;
  const programs = new ProgramsBySize(async (n) => {
    plans++;
    if (n === 2) throw new Error('too large');
    return { close: async () => void closed.push(n) } as unknown as Program;
  });
  expect(await programs.of(1)).toBe(await programs.of(1));
  await expect(programs.of(2)).rejects.toThrow('too large');
  await programs.of(3);
  await programs.close();
  await programs.close();
  expect([plans, closed]).toEqual([3, [1, 3]]);
});
