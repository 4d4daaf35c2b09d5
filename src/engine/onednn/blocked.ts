import { bytesPerElement } from '../../core/ndarray.ts';
import { type Shape, sizeOf } from '../../core/shape.ts';
import type { Desc } from './binding.ts';
import type { Context } from './context.ts';
import type { Version } from './instruction.ts';

/** The layout of `version` for other extents, where it is one of the usual ones for pictures; undefined otherwise. */
export function matchingDesc(context: Context, version: Version, dims: Shape): Desc | undefined {
  const { planeTags, pixelTags } = context.binding.numbers;
  return sameTag(context, version, dims, [...planeTags, ...pixelTags]);
}

/**
 * At which byte of `whole`, joined along `axis`, each part lies if it is a stretch of it as it is. Undefined if one of them is not: there
 * are axes before this one, the joined axis lies innermost, or a part does not fill its last block.
 */
export function stretchesOf(context: Context, whole: Version, parts: readonly Version[], axis: number): number[] | undefined {
  if (sizeOf(whole.dims.slice(0, axis)) > 1) return undefined;
  const { planeTags } = context.binding.numbers;
  const offsets: number[] = [];
  let end = 0;
  for (const part of parts) {
    const bytes = context.bytesOf(part.desc);
    const same = sameTag(context, whole, part.dims, planeTags);
    const fits = same && context.sameDesc(same, part.desc) && bytes === bytesPerElement(part.dtype) * sizeOf(part.dims);
    if (same) context.binding.release(same);
    // Primitives are fastest on whole cache lines.
    if (!fits || end % 64 !== 0) return undefined;
    offsets.push(end);
    end += bytes;
  }
  return offsets;
}

function sameTag(context: Context, version: Version, dims: Shape, tags: readonly number[]): Desc | undefined {
  if (dims.length !== 4 || version.dims.length !== 4) return undefined;
  const { binding } = context;
  for (const tag of tags) {
    const same = binding.tagged(version.dims, tag);
    const found = context.sameDesc(same, version.desc);
    binding.release(same);
    if (found) return binding.tagged(dims, tag);
  }
  return undefined;
}
