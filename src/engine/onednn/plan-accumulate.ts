import type { AccumulateStep, Ref } from '../../graph/lowering.ts';
import type { PostOp } from './attributes.ts';
import { ALGORITHM, ARG, type Desc } from './binding.ts';
import type { At, Draft } from './draft.ts';
import type { Buffer, Version } from './instruction.ts';
import { bringHome } from './plan-kernel.ts';

const BYTES_PER_ELEMENT = 4;
const FLOPS_PER_ELEMENT = 3;

/** A step over whole arrays that need not be told where a row ends: each is one axis, padded lanes, which hold zero, included. */
export function planAccumulate(draft: Draft, { dst, keep = 0, a, b, algorithm = 'mul', through = [] }: AccumulateStep, at: At): void {
  const { context } = draft;
  const model = draft.layouts.given(draft.slot({ in: 0 }, at));
  const elements = model.buffer.bytes / BYTES_PER_ELEMENT;
  const flat = context.plain([elements]);
  const one = context.plain([1]);
  const first = operand(draft, a, model, at);
  const second = b ? operand(draft, b, model, at) : first;
  const target = result(draft, dst, model, at);
  const postOps: PostOp[] = [...through];
  if (keep !== 0) postOps.push({ algorithm: 'sum', scale: keep });
  const src1 = second.dims.length === 0 ? one : flat;
  // The larger of a number and itself is that number: there is no primitive of one operand that also adds.
  const ingredients = { algorithm: b ? ALGORITHM[algorithm] : ALGORITHM.binaryMax, src: flat, src1, dst: flat };
  const args: [number, Desc, Buffer][] = [
    [ARG.src, flat, first.buffer],
    [ARG.src1, src1, second.buffer],
    [ARG.dst, flat, target.buffer],
  ];
  const reads = [first.buffer, second.buffer, ...(keep === 0 ? [] : [target.buffer])];
  const primitiveDesc = context.describe('binary.forward', ingredients, context.attr(postOps));
  draft.finish({ kind: 'accumulate', primitiveDesc, args, reads, writes: [target.buffer] }, { ...at, flops: FLOPS_PER_ELEMENT * elements });
  if ('out' in dst) bringHome(draft, target, { output: dst.out, input: overwrittenBy(dst.out, at) }, at);
}

/** What is read: a scalar as it is, an array as the node's first input lies. */
function operand(draft: Draft, ref: Ref, model: Version, at: At): Version {
  const slot = draft.slot(ref, at);
  return slot.type.shape.length === 0 ? draft.layouts.plain(slot) : draft.layouts.ensure(slot, model.desc, model.dims);
}

/** What is written: the input that this output overwrites, or a temporary. */
function result(draft: Draft, ref: Ref, model: Version, at: At): Version {
  const slot = draft.slot(ref, at, model.dims);
  if (slot.versions.length === 0) {
    const version =
      'out' in ref
        ? draft.layouts.ensure(draft.slot({ in: overwrittenBy(ref.out, at) }, at), model.desc, model.dims)
        : draft.layouts.create(model.desc, model.dims);
    slot.versions.push(version);
  }
  return slot.versions[0];
}

const overwrittenBy = (output: number, { record }: At): number => record.inPlace[output]!;
