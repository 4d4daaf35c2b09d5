import type { Shape } from '../../core/shape.ts';
import type { ConcatStep, SliceStep, ViewStep } from '../../graph/lowering.ts';
import { ARG, type Desc } from './binding.ts';
import { matchingDesc, stretchesOf } from './blocked.ts';
import type { Context } from './context.ts';
import type { At, Draft } from './draft.ts';
import type { Buffer } from './instruction.ts';

/** The same numbers under another shape. */
export function planView(draft: Draft, { src, dst }: ViewStep, at: At): void {
  const source = draft.layouts.plain(draft.slot(src.of, at));
  const slot = draft.slot(dst.of, at);
  const { shape, dtype } = slot.type;
  slot.versions.push({ ...source, dims: shape, desc: draft.context.plain(shape, dtype) });
}

/** Joins values as they lie, in place where the layout allows it. */
export function planConcat(draft: Draft, { sources, dst, axis }: ConcatStep, at: At): void {
  const { context, layouts } = draft;
  const slots = sources.map((source) => draft.slot(source.of, at));
  const given = slots.map((slot) => draft.seen(slot, slot.type.shape));
  const target = draft.slot(dst.of, at);
  const dims = draft.dims(dst, at);
  const primitiveDesc = context.binding.concat(
    context.binding.any(dims),
    axis,
    given.map((v) => v.desc),
    context.attr(),
  );
  const parts = slots.map((slot, i) => {
    const desc = context.binding.queryArg(primitiveDesc, ARG.multipleSrc + i) ?? given[i].desc;
    return layouts.ensure(slot, desc, slot.type.shape);
  });
  const desc = context.binding.queryArg(primitiveDesc, ARG.dst)!;
  const whole = layouts.create(desc, dims, { fixed: at.fixed });
  target.versions.push(whole);
  const args: [number, Desc, Buffer][] = parts.map((part, i) => [ARG.multipleSrc + i, part.desc, part.buffer]);
  args.push([ARG.dst, desc, whole.buffer]);
  const reads = parts.map(({ buffer }) => buffer);
  const offsets = stretchesOf(context, whole, parts, axis);
  const joins = offsets?.map((offset, i) => ({ buffer: reads[i], offset }));
  draft.finish({ kind: 'concat', primitiveDesc, args, reads, writes: [whole.buffer], joins }, at);
}

/** Cuts a box out, in the layout it lies in if the box begins on a block there. */
export function planSlice(draft: Draft, { src, dst, offsets }: SliceStep, at: At): void {
  const { context, layouts } = draft;
  const slot = draft.slot(src.of, at);
  const dims = draft.dims(dst, at);
  let source = draft.seen(slot, slot.type.shape);
  let box = boxOf(context, source.desc, dims, offsets);
  if (!box) {
    // The box does not begin on a block: only the row-major form can be cut there.
    source = layouts.plain(slot);
    box = context.binding.part(source.desc, dims, offsets);
  }
  const desc = matchingDesc(context, source, dims) ?? context.plain(dims);
  const version = layouts.create(desc, dims, { fixed: at.fixed });
  draft.slot(dst.of, at).versions.push(version);
  layouts.copy(source, version, { fixed: at.fixed, fromDesc: box });
}

function boxOf(context: Context, desc: Desc, dims: Shape, offsets: Shape): Desc | undefined {
  try {
    return context.binding.part(desc, dims, offsets);
  } catch {
    return undefined;
  }
}
