import type { NumberArray } from '../../src/core/index.ts';
import type { Backend } from '../../src/engine/engine.ts';
import type { Case } from './cases.ts';

/** Numbers below this are rounding errors of numbers near 1, not results to be relative to. */
const smallest = 0.1;

/** Where two engines differ most: the difference as a share of the largest number of that array. */
export interface Difference {
  name: string;
  share: number;
  index: number;
  a: number;
  b: number;
}

/** Runs a case on a fresh store of each engine, `runs` times, and compares the outputs and what is then in the store. */
export function compareBackends(a: Backend, b: Backend, work: Case, runs = 2): Difference[] {
  const [left, right] = [a, b].map((backend) => results(backend, work, runs));
  return Object.keys(left).map((name) => largestDifference(name, left[name], right[name]));
}

function results(backend: Backend, { graph, feeds, state }: Case, runs: number): Record<string, NumberArray> {
  const store = backend.createStore();
  store.load(state);
  const program = backend.compile(graph, store);
  let outputs: Record<string, NumberArray> = {};
  for (let run = 0; run < runs; run++) outputs = program.run(feeds);
  const all: Record<string, NumberArray> = Object.fromEntries(Object.entries(outputs).map(([name, array]) => [name, array.slice()]));
  for (const [name, { data }] of store.read([...state.keys()])) all[`store:${name}`] = data as NumberArray;
  program.close();
  return all;
}

function largestDifference(name: string, a: NumberArray, b: NumberArray | undefined): Difference {
  if (!b || a.length !== b.length) return { name, share: Infinity, index: -1, a: a.length, b: b?.length ?? 0 };
  let scale = smallest;
  let index = 0;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    if (Number.isFinite(a[i])) scale = Math.max(scale, Math.abs(a[i]));
    const difference = Object.is(a[i], b[i]) ? 0 : Math.abs(a[i] - b[i]);
    if (difference <= largest) continue;
    largest = difference;
    index = i;
    if (!Number.isFinite(difference)) return { name, share: Infinity, index, a: a[i], b: b[i] };
  }
  return { name, share: largest / scale, index, a: a[index], b: b[index] };
}
