import { describe, expect, it } from 'vitest';
import { UsageError } from '../core/errors.ts';
import { isInValidation } from './split.ts';

const names = Array.from({ length: 1000 }, (_, i) => `ants/${i}.jpg`);
const chosenOf = (list: string[], share: number) => {
  const chosen = isInValidation(list, share);
  return list.filter((_, i) => chosen[i]);
};

describe('isInValidation', () => {
  it('takes about the share asked for, and the same files again', () => {
    const chosen = isInValidation(names, 0.2);
    expect(chosen.filter(Boolean).length).toBeGreaterThan(150);
    expect(chosen.filter(Boolean).length).toBeLessThan(250);
    expect(isInValidation(names, 0.2)).toEqual(chosen);
  });

  it('moves no other file when one is added or removed', () => {
    const more = [...names.slice(0, 500), 'ants/new.jpg', 'ants/0001.png', ...names.slice(500)];
    const before = new Set(chosenOf(names, 0.3));
    expect(chosenOf(more, 0.3).filter((name) => names.includes(name))).toEqual([...before]);
    expect(chosenOf(names.slice(7), 0.3)).toEqual([...before].filter((name) => names.indexOf(name) >= 7));
  });

  it('leaves no part of a class empty if there are two files', () => {
    for (const share of [0.001, 0.999])
      for (let i = 0; i < 20; i++) {
        const chosen = isInValidation([`a${i}`, `b${i}`, `c${i}`], share);
        expect(chosen.includes(true) && chosen.includes(false), `${share} ${i}`).toBe(true);
      }
    expect(isInValidation(['one'], 0.99)).toEqual([false]);
  });

  it('divides a name alike whichever way its accents are stored', () => {
    const accented = names.map((name) => name.replace('ants', 'fourmis\u00e9'));
    expect(
      isInValidation(
        accented.map((name) => name.normalize('NFD')),
        0.2,
      ),
    ).toEqual(isInValidation(accented, 0.2));
  });

  it.each([0, 1, -0.1, 20, Number.NaN])('refuses a share of %d', (share) => {
    expect(() => isInValidation(names, share)).toThrow(UsageError);
  });
});
