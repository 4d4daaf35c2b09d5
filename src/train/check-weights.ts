import { CheckpointError } from '../core/errors.ts';
import type { StateDict } from '../core/ndarray.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import type { Module } from '../nn/module.ts';

/** Refuses weights that are not those of the module: a missing or additional name, another shape. */
export function checkWeights(module: Module, state: StateDict, where: string): void {
  const wanted = module.parameters();
  for (const [name, { shape }] of wanted) {
    const got = state.get(name);
    if (!got || !sameShape(got.shape, shape))
      throw new CheckpointError({ where, expected: `${name} ${formatShape(shape)}`, got: got ? formatShape(got.shape) : 'no such weight' });
  }
  const stranger = [...state.keys()].find((name) => !wanted.has(name));
  if (stranger) throw new CheckpointError({ where, expected: `weights of this network (${wanted.size})`, got: `also '${stranger}'` });
}

/** Refuses classes that are not those a network was trained on, in the same order: a label is an index into them. */
export function checkClasses(trained: readonly string[], now: readonly string[], where: string, hint?: string): void {
  const without = (all: readonly string[], others: readonly string[]) => all.filter((name) => !others.includes(name));
  const told = [...without(now, trained).map((name) => `'${name}' is new`), ...without(trained, now).map((name) => `'${name}' is gone`)];
  if (told.length === 0 && trained.every((name, c) => name === now[c])) return;
  const more = told.length > 5 ? ` and ${told.length - 5} more` : '';
  throw new CheckpointError({
    where,
    expected: `the ${trained.length} classes it was trained on`,
    got: told.length > 0 ? told.slice(0, 5).join(', ') + more : 'the same in another order',
    hint,
  });
}
