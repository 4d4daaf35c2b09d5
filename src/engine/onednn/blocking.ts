import { type Shape, sizeOf } from '../../core/shape.ts';

/** How a blocked layout places numbers: outer strides, in elements, and the inner blocks from the outermost to the innermost. */
export interface Blocking {
  readonly strides: Shape;
  /** Size of each inner block, and the axis it cuts. */
  readonly blocks: Shape;
  readonly axes: Shape;
}

/**
 * Where the numbers of a row-major array lie in a blocked layout, in elements.
 *
 *     offset(p) = Σ_d ⌊p_d / cut_d⌋ · stride_d  +  the position within the inner blocks
 *
 * **Source**: oneDNN, "Understanding Memory Formats".
 */
export function blockedOffsets(dims: Shape, { strides, blocks, axes }: Blocking): Uint32Array {
  const position = dims.map(() => 0);
  return Uint32Array.from({ length: sizeOf(dims) }, () => {
    const rest = [...position];
    let offset = 0;
    let step = 1;
    for (let i = blocks.length - 1; i >= 0; i--) {
      offset += (rest[axes[i]] % blocks[i]) * step;
      rest[axes[i]] = Math.floor(rest[axes[i]] / blocks[i]);
      step *= blocks[i];
    }
    for (const [d, index] of rest.entries()) offset += index * strides[d];
    for (let d = dims.length - 1; d >= 0 && ++position[d] === dims[d]; d--) position[d] = 0;
    return offset;
  });
}

/** An op, as a program runs it: spreads a row-major array over a layout; what the layout adds stays 0. */
export const spreadBy = (offsets: Uint32Array) => ({
  inPlace: {},
  eval({ inputs: [x], outputs: [y] }: SpreadCall): void {
    for (let i = 0; i < offsets.length; i++) y[offsets[i]] = x![i];
  },
});

interface SpreadCall {
  readonly inputs: readonly (ArrayLike<number> | undefined)[];
  readonly outputs: readonly { [i: number]: number }[];
}
