import type { ArrayOf, NdArray } from '../core/ndarray.ts';
import { Scratch } from '../data/scratch.ts';
import type { Engine } from '../engine/engine.ts';
import { GraphBuilder } from '../graph/tensor.ts';
import { linear } from '../ops/linear.ts';
import type { Candidates } from './candidates.ts';
import { type Rows, realBlock, rowCountOf, rowOf } from './rows.ts';

/** As many queries stay with the engine while all rows pass in blocks: handing a block over must cost far less than its products. */
const mostQueries = 2048;
const rowBlock = 512;
const vectorBytes = 16;
const parts = { query: 0, rows: 1, sums: 2 } as const;

export interface Comparison {
  readonly queries: Rows;
  readonly rows: Rows;
  readonly found: Candidates;
  /** Told the share that is done, 0 to 1. */
  readonly onProgress?: (share: number) => void;
}

/** Gives the thread's other work, such as a progress bar and Ctrl-C, its turn. */
const breathe = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Sums of absolute differences in vectors of 128 bits, block by block: the sums of bytes are exact, those of reals single. */
export async function compareAbsolutely({ queries, rows, found, onProgress }: Comparison): Promise<void> {
  const isBytes = rows.data instanceof Uint8Array && queries.data instanceof Uint8Array;
  const scratch = new Scratch();
  const [queryCount, rowCount] = [rowCountOf(queries), rowCountOf(rows)];
  const stride = vectorBytes * Math.ceil((rows.width * (isBytes ? 1 : 4)) / vectorBytes);
  /** Rows filled up with zeros, which differ from zeros by nothing. */
  const lay = (from: Rows, begin: number, count: number, slot: number): number => {
    const room = isBytes ? scratch.bytes(slot, count * stride) : scratch.floats(slot, (count * stride) / 4);
    room.fill(0);
    const step = room.length / count;
    for (let n = 0; n < count; n++) room.set(rowOf(from, begin + n), n * step);
    return room.byteOffset;
  };
  // Room is taken before any of it is used: it stays where it is.
  scratch.bytes(parts.query, stride);
  scratch.bytes(parts.rows, rowBlock * stride);
  const sums = isBytes ? scratch.ints(parts.sums, rowBlock) : scratch.floats(parts.sums, rowBlock);
  const sum = isBytes ? scratch.kernels.absoluteSums : scratch.kernels.absoluteSumsOfReals;
  for (let r0 = 0; r0 < rowCount; r0 += rowBlock) {
    const count = Math.min(rowBlock, rowCount - r0);
    const rowsAt = lay(rows, r0, count, parts.rows);
    for (let q = 0; q < queryCount; q++) {
      sum(lay(queries, q, 1, parts.query), rowsAt, stride, count, sums.byteOffset);
      let limit = found.limit(q);
      for (let r = 0; r < count; r++) {
        if (!(sums[r] < limit)) continue;
        found.insert(q, sums[r], r0 + r);
        limit = found.limit(q);
      }
    }
    onProgress?.((r0 + count) / rowCount);
    await breathe();
  }
}

const matrix = (data: Float32Array, count: number): NdArray<'f32'> => ({
  dtype: 'f32',
  shape: [count, data.length / count],
  data: data as ArrayOf<'f32'>,
});

/** `factor[r]·(q·r) + term[r]` for every query and row, the products on the engine: while it computes one block, the one before is looked through. */
export async function compareByProducts(
  engine: Engine,
  { queries, rows, found, factor, term, onProgress }: Comparison & { factor: Float64Array; term: Float64Array },
): Promise<void> {
  const { width } = rows;
  const [queryCount, rowCount] = [rowCountOf(queries), rowCountOf(rows)];
  const queryBlock = Math.min(mostQueries, queryCount);
  const graph = new GraphBuilder();
  graph.output('y', linear(graph.input('x', [rowBlock, width]), graph.parameter('queries', [queryBlock, width])));
  const store = await engine.createStore();
  const program = await engine.compile(graph.build(), store);
  const look = (products: Float32Array, q0: number, r0: number) => {
    const count = Math.min(queryBlock, queryCount - q0);
    const limits = Float64Array.from({ length: count }, (_, q) => found.limit(q0 + q));
    for (let r = r0; r < Math.min(r0 + rowBlock, rowCount); r++) {
      const base = (r - r0) * queryBlock;
      for (let q = 0; q < count; q++) {
        const distance = factor[r] * products[base + q] + term[r];
        if (!(distance < limits[q])) continue;
        found.insert(q0 + q, distance, r);
        limits[q] = found.limit(q0 + q);
      }
    }
    onProgress?.((q0 * rowCount + count * Math.min(r0 + rowBlock, rowCount)) / (queryCount * rowCount));
  };
  // Fresh blocks would pile up until they are collected.
  const room = { queries: new Float32Array(queryBlock * width), rows: new Float32Array(rowBlock * width) };
  try {
    for (let q0 = 0; q0 < queryCount; q0 += queryBlock) {
      const block = realBlock(queries, q0, room.queries);
      // A view would take all queries along into the engine's thread.
      if (block !== room.queries) room.queries.set(block);
      await store.load(new Map([['queries', matrix(room.queries, queryBlock)]]));
      let before: { r0: number; y: Float32Array } | undefined;
      for (let r0 = 0; r0 < rowCount; r0 += rowBlock) {
        const running = program.run({ x: matrix(realBlock(rows, r0, room.rows), rowBlock) });
        if (before) look(before.y, q0, before.r0);
        before = { r0, y: (await running).y.data as Float32Array };
      }
      if (before) look(before.y, q0, before.r0);
    }
  } finally {
    await program.close();
    await store.close();
  }
}
