import { type Shape, sizeOf } from '../../core/shape.ts';
import type { KernelStep } from '../../graph/lowering.ts';
import type { At, Draft } from './draft.ts';
import type { Version } from './instruction.ts';
import type { Slot } from './layouts.ts';

/** A step that runs the record's own `eval` on the engine's memory. */
export function planKernel(draft: Draft, { layout }: KernelStep, at: At): void {
  const { layouts } = draft;
  const { node, record, fixed } = at;
  const model = typeof layout === 'object' ? layouts.given(draft.slot(layout.sameAs, at)) : undefined;
  const alike = (type: { shape: Shape; dtype: string }) => model && type.dtype === 'f32' && sizeOf(type.shape) === sizeOf(model.dims);
  const inputs = node.inputs.map((id) => {
    if (id === null) return undefined;
    const slot = draft.valueSlot(id);
    if (alike(slot.type)) return layouts.ensure(slot, model!.desc, model!.dims);
    return layout === 'given' ? layouts.given(slot) : layouts.plain(slot);
  });
  const outputs = node.outputs.map((id, i) => {
    const slot = draft.valueSlot(id);
    const overwritten = record.inPlace[i];
    const version =
      overwritten !== undefined
        ? inputs[overwritten]!
        : alike(slot.type)
          ? layouts.create(model!.desc, model!.dims, { fixed })
          : layouts.plainVersion(slot.type, fixed);
    slot.versions.push(version);
    return version;
  });
  const buffers = (versions: readonly (Version | undefined)[]) => versions.flatMap((v) => (v ? [v.buffer] : []));
  draft.emit(
    {
      type: 'kernel',
      name: `kernel:${record.name}`,
      path: node.path,
      implementation: 'typescript',
      flops: at.flops,
      reads: buffers(inputs),
      writes: buffers(outputs),
      record,
      attrs: node.attrs,
      inputs,
      outputs,
      inputTypes: node.inputs.map((id) => (id === null ? undefined : draft.graph.values[id])),
      outputTypes: node.outputs.map((id) => draft.graph.values[id]),
    },
    at,
  );
  for (const [output, input] of Object.entries(record.inPlace))
    bringHome(draft, outputs[Number(output)], { output: Number(output), input }, at);
}

/** Where a converted copy of a parameter was overwritten, the parameter itself follows. */
export function bringHome(draft: Draft, written: Version, { output, input }: { output: number; input: number }, { node }: At): void {
  const slot = draft.valueSlot(node.inputs[input]!);
  const home = slot.home ?? slot.versions[0];
  draft.valueSlot(node.outputs[output]).home = home;
  if (home.buffer === written.buffer) return;
  const copy: Slot = { type: slot.type, fixed: false, versions: [written] };
  draft.layouts.copy(draft.layouts.ensure(copy, home.desc, home.dims), home);
}
