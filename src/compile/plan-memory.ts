/** A buffer of a program: how large, and between which steps (inclusive) its contents matter. */
export interface Lifetime {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

export interface MemoryPlan {
  /** Byte offset of each buffer in the arena. */
  readonly offsets: readonly number[];
  readonly arenaBytes: number;
  /** What the buffers would take side by side. */
  readonly unsharedBytes: number;
}

/**
 * Places buffers in one arena so that two share bytes only if their lifetimes are disjoint: the largest first, each at the lowest
 * offset that is free during its whole life.
 *
 * **Source**: greedy by size, Pisarchyk and Lee, "Efficient memory management for deep neural net inference", 2020.
 */
export function planMemory(buffers: readonly Lifetime[], alignBytes = 64): MemoryPlan {
  const padded = buffers.map((b) => Math.ceil(b.bytes / alignBytes) * alignBytes);
  const offsets = new Array<number>(buffers.length).fill(0);
  const placed: number[] = [];
  const bySize = [...buffers.keys()].sort((a, b) => padded[b] - padded[a] || buffers[a].first - buffers[b].first || a - b);
  for (const i of bySize) {
    const rivals = placed
      .filter((j) => buffers[j].first <= buffers[i].last && buffers[i].first <= buffers[j].last)
      .sort((a, b) => offsets[a] - offsets[b]);
    let offset = 0;
    for (const j of rivals) {
      if (offsets[j] - offset >= padded[i]) break;
      offset = Math.max(offset, offsets[j] + padded[j]);
    }
    offsets[i] = offset;
    placed.push(i);
  }
  return {
    offsets,
    arenaBytes: Math.max(0, ...offsets.map((offset, i) => offset + padded[i])),
    unsharedBytes: padded.reduce((a, b) => a + b, 0),
  };
}
