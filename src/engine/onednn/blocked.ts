import type { Shape } from '../../core/shape.ts';
import type { Desc } from './binding.ts';
import type { Context } from './context.ts';
import type { Version } from './instruction.ts';

/** The layout of `version` for other extents, where it is one of the usual ones for pictures; undefined otherwise. */
export function matchingDesc(context: Context, version: Version, dims: Shape): Desc | undefined {
  if (dims.length !== 4 || version.dims.length !== 4) return undefined;
  const { tagged, numbers } = context.binding;
  for (const tag of numbers.pictureTags) {
    const same = tagged(version.dims, tag);
    const found = context.sameDesc(same, version.desc);
    context.binding.release(same);
    if (found) return tagged(dims, tag);
  }
  return undefined;
}
