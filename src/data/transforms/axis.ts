import type { PadMode } from './step.ts';

/**
 * Where each pixel along one axis comes from. An entry ≥ 0 is a place in the input; −1 − k is the fill colour number k, and where the two axes
 * disagree the later fill wins.
 */
export type AxisMap = Int32Array;

let counting = Int32Array.from({ length: 4096 }, (_, i) => i);

/** Every pixel from its own place; shared, so never written to. */
export function identityMap(length: number): AxisMap {
  if (counting.length < length) counting = Int32Array.from({ length: 2 * length }, (_, i) => i);
  return counting.subarray(0, length);
}

/** A part of the axis; what lies outside it is fill number `fill`. */
export function cropMap(map: AxisMap, start: number, length: number, fill: number): AxisMap {
  if (start >= 0 && start + length <= map.length) return map.subarray(start, start + length);
  return Int32Array.from({ length }, (_, i) => map[start + i] ?? -1 - fill);
}

export const flipMap = (map: AxisMap): AxisMap => Int32Array.from(map).reverse();

/** The place inside `0 … length − 1` that stands for one outside, or −1 for fill. */
const inside: Record<PadMode, (i: number, length: number) => number> = {
  constant: () => -1,
  edge: (i, length) => Math.min(Math.max(i, 0), length - 1),
  reflect: (i, length) => {
    if (length === 1) return 0;
    const period = 2 * (length - 1);
    const at = ((i % period) + period) % period;
    return at < length ? at : period - at;
  },
  symmetric: (i, length) => {
    const at = ((i % (2 * length)) + 2 * length) % (2 * length);
    return at < length ? at : 2 * length - 1 - at;
  },
};

export function padMap(map: AxisMap, before: number, after: number, mode: PadMode, fill: number): AxisMap {
  return Int32Array.from({ length: map.length + before + after }, (_, i) => {
    const at = i - before;
    if (at >= 0 && at < map.length) return map[at];
    const source = inside[mode](at, map.length);
    return source < 0 ? -1 - fill : map[source];
  });
}

/** Smallest and one past the largest place a map reads; nothing if it reads none. */
export function rangeOf(map: AxisMap): [from: number, to: number] | undefined {
  let from = Number.POSITIVE_INFINITY;
  let to = -1;
  for (let i = 0; i < map.length; i++) {
    const at = map[i];
    if (at < 0) continue;
    if (at < from) from = at;
    if (at > to) to = at;
  }
  return to < 0 ? undefined : [from, to + 1];
}

/** Whether a map reads one place after the other. */
export function isRun(map: AxisMap): boolean {
  if (map.length === 0 || map[0] < 0) return false;
  for (let i = 1; i < map.length; i++) if (map[i] !== map[0] + i) return false;
  return true;
}

/** Whether a map has fill colours. */
export function hasFill(map: AxisMap): boolean {
  for (let i = 0; i < map.length; i++) if (map[i] < 0) return true;
  return false;
}
