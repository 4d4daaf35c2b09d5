import { EngineError } from '../../core/errors.ts';
import { type Shape, sizeOf } from '../../core/shape.ts';
import { type Graph, isPersistent, type Node, type ValueId } from '../../graph/graph.ts';
import type { ConcatStep, KernelStep, Layout, Operand, Ref, SliceStep, Step, ViewStep } from '../../graph/lowering.ts';
import { type AnyOp, type Catalogue, isNone, recordOf } from '../../graph/op.ts';
import { ARG, type Desc, type Handle, type Ingredients, NULL, PROP } from './binding.ts';
import { matchingDesc, stretchesOf } from './blocked.ts';
import type { Context } from './context.ts';
import { Buffer, type Instruction, type Part, type Version } from './instruction.ts';
import { Layouts, type Slot } from './layouts.ts';
import { operandOf, type PrimitiveRow, type PrimitiveStep, ROWS, rowOf, settingsOf } from './primitives.ts';
import type { OneDnnStore, StoreEntry } from './store.ts';

/** The instructions of a program before memory is planned. */
export interface Plan {
  /** Run when the store changed: what depends on parameters only, such as folded or reordered weights. */
  readonly prologue: readonly Instruction[];
  readonly main: readonly Instruction[];
  readonly inputs: ReadonlyMap<string, Version>;
  readonly outputs: ReadonlyMap<string, Version>;
  /** Entries the program reads; each must be loaded before a run. */
  readonly entries: readonly StoreEntry[];
  /** Entries that a run changes. */
  readonly updated: readonly StoreEntry[];
}

interface At {
  readonly node: Node;
  readonly index: number;
  readonly record: AnyOp;
  readonly fixed: boolean;
  readonly flops: number;
}

/** A primitive that still lacks its scratchpad. */
interface Unfinished {
  readonly kind: string;
  readonly primitiveDesc: Handle;
  readonly args: [number, Desc, Buffer][];
  readonly reads: Buffer[];
  readonly writes: Buffer[];
  /** Arguments whose bytes the result may take. */
  readonly inPlace?: readonly number[];
  readonly joins?: readonly Part[];
}

/** Turns a graph into instructions: lowers every node, lets primitives choose layouts, inserts the reorders that remain. */
export class Planner {
  readonly #context: Context;
  readonly #graph: Graph;
  readonly #catalogue: Catalogue;
  readonly #layouts: Layouts;
  readonly #slots = new Map<string, Slot>();
  readonly #prologue: Instruction[] = [];
  readonly #main: Instruction[] = [];
  readonly #inputs = new Map<string, Version>();
  readonly #entries: StoreEntry[] = [];
  readonly #updated = new Set<ValueId>();
  /** Forward pooling descriptors by the workspace they fill or the geometry they have: the hint their gradient needs. */
  readonly #poolings = new Map<string, Handle>();

  constructor(context: Context, store: OneDnnStore, graph: Graph, catalogue: Catalogue) {
    this.#context = context;
    this.#graph = graph;
    this.#catalogue = catalogue;
    this.#layouts = new Layouts(context, store, (instruction, fixed) => (fixed ? this.#prologue : this.#main).push(instruction));
    for (const node of graph.nodes)
      for (const input of Object.values(recordOf(catalogue, node.op).inPlace)) {
        const id = node.inputs[input];
        if (id !== null && id !== undefined) this.#updated.add(id);
      }
    for (const value of graph.values) {
      if (value.role === 'input') {
        const version = this.#layouts.plainVersion(value, false);
        this.#inputs.set(value.name, version);
        this.#slots.set(`${value.id}`, { type: value, fixed: false, versions: [version] });
      } else if (isPersistent(value)) {
        const entry = store.entry(value.name, value.shape);
        this.#entries.push(entry);
        const versions = entry.version ? [entry.version] : [];
        this.#slots.set(`${value.id}`, { type: value, fixed: !this.#updated.has(value.id), entry, versions });
      }
    }
  }

  plan(): Plan {
    const read = new Set(this.#graph.nodes.flatMap((node) => node.inputs));
    for (const id of Object.values(this.#graph.outputs)) read.add(id);
    this.#graph.nodes.forEach((node, index) => {
      const record = recordOf(this.#catalogue, node.op);
      const lower = record.lower.onednn;
      if (isNone(lower)) throw new EngineError({ where: node.op, expected: 'an op that oneDNN can run', got: lower.none });
      const inputs = node.inputs.map((id) => (id === null ? undefined : this.#graph.values[id]));
      const outputs = node.outputs.map((id) => this.#graph.values[id]);
      const call = { inputs, outputs, used: node.outputs.map((id) => read.has(id)), attrs: node.attrs };
      const changesStore = Object.keys(record.inPlace).length > 0;
      const fixed = !changesStore && node.inputs.every((id) => id === null || this.#slots.get(`${id}`)!.fixed);
      node.outputs.forEach((id) => {
        this.#slots.set(`${id}`, { type: this.#graph.values[id], fixed, versions: [] });
      });
      this.#layouts.path = node.path;
      for (const step of lower(call)) this.#planStep(step, { node, index, record, fixed, flops: record.cost(call) });
    });
    this.#layouts.path = '';
    const outputs = new Map<string, Version>();
    for (const [name, id] of Object.entries(this.#graph.outputs)) outputs.set(name, this.#layouts.plain(this.#slots.get(`${id}`)!));
    const updated = [...this.#updated].map((id) => this.#slots.get(`${id}`)!.entry!);
    return { prologue: this.#prologue, main: this.#main, inputs: this.#inputs, outputs, entries: this.#entries, updated };
  }

  #planStep(step: Step, at: At): void {
    if (step.kind === 'kernel') this.#planKernel(step, at);
    else if (step.kind === 'view') this.#planView(step, at);
    else if (step.kind === 'concat') this.#planConcat(step, at);
    else if (step.kind === 'slice') this.#planSlice(step, at);
    else this.#planPrimitive(step, at);
  }

  #key(ref: Ref, { node, index }: At): string {
    if ('in' in ref) return `${node.inputs[ref.in]}`;
    if ('out' in ref) return `${node.outputs[ref.out]}`;
    return `${index}:${ref.temp}`;
  }

  #slot(ref: Ref, at: At, dims?: Shape): Slot {
    const key = this.#key(ref, at);
    let slot = this.#slots.get(key);
    if (!slot) {
      slot = { type: { shape: dims ?? [], dtype: 'f32' }, fixed: at.fixed, versions: [] };
      this.#slots.set(key, slot);
    }
    return slot;
  }

  #dims(operand: Operand, at: At): Shape {
    return operand.dims ?? this.#slot(operand.of, at).type.shape;
  }

  #emit(instruction: Instruction, at: At): void {
    (at.fixed ? this.#prologue : this.#main).push(instruction);
  }

  /** The layout an operand asks for, as far as it is known before the primitive is: undefined leaves it to the primitive. */
  #wanted(layout: Layout | undefined, operand: Operand, at: At): Desc | undefined {
    const dims = this.#dims(operand, at);
    if (layout === 'plain') return this.#context.plain(dims);
    if (layout === 'given') return this.#seen(this.#slot(operand.of, at), dims).desc;
    if (typeof layout === 'object') return this.#seen(this.#slot(layout.like, at), dims).desc;
    return undefined;
  }

  /** A value as it lies, if it counts these axes, else row-major. */
  #seen(slot: Slot, dims: Shape): Version {
    const given = this.#layouts.given(slot);
    return given.dims.length === dims.length && sizeOf(given.dims) === sizeOf(dims) ? given : this.#layouts.plain(slot, dims);
  }

  #planPrimitive(step: PrimitiveStep, at: At): void {
    const context = this.#context;
    const row = rowOf(step);
    const ingredients: Partial<Ingredients> = settingsOf(step, context.binding.numbers);
    const refused = context.binding.numbers.refused[row.kind] ?? [];
    const reads = row.reads.flatMap((p) => {
      const operand = operandOf(step, p.field);
      return operand && !refused.includes(p.arg)
        ? [{ ...p, operand, slot: this.#slot(operand.of, at), dims: this.#dims(operand, at) }]
        : [];
    });
    const writes = row.writes.flatMap((p) => {
      const operand = operandOf(step, p.field);
      return operand ? [{ ...p, operand, slot: this.#slot(operand.of, at, operand.dims), dims: this.#dims(operand, at) }] : [];
    });
    for (const { operand, ingredient, slot, dims } of reads) {
      if (!ingredient) continue;
      const wanted = this.#wanted(operand.layout, operand, at);
      ingredients[ingredient] = (wanted ?? (row.chooses ? context.binding.any(dims) : this.#seen(slot, dims).desc)) as never;
    }
    const follows = ingredients.src ?? ingredients.dst;
    for (const { operand, ingredient, dims } of writes) {
      if (!ingredient) continue;
      // Normalisation and elementwise primitives write as they read; the others choose.
      const free = row.chooses || step.kind === 'pooling' || step.kind === 'binary';
      ingredients[ingredient] = (free ? (this.#wanted(operand.layout, operand, at) ?? context.binding.any(dims)) : follows) as never;
    }
    const addend = 'addend' in step ? step.addend : undefined;
    const activation = 'activation' in step && step.kind !== 'batchNorm' ? step.activation : undefined;
    const hint = row.hint ? this.#hint(step, row, ingredients, at) : NULL;
    if (step.kind === 'pooling' && row.hint) {
      // A gradient in any other layout than the forward pass had falls back to a slow generic implementation.
      ingredients.dst = context.binding.queryArg(hint, ARG.dst);
      ingredients.src = context.binding.queryArg(hint, ARG.src);
    }
    const primitiveDesc = context.describe(row.kind, ingredients, context.attr({ addend: addend !== undefined, activation }), hint);
    if (row.hint && step.kind !== 'pooling') context.destroyDescription(hint);
    if (step.kind === 'pooling' && step.direction !== 'backward') this.#rememberPooling(step, primitiveDesc, at);

    const args: [number, Desc, Buffer][] = [];
    const readBuffers: Buffer[] = [];
    const writeBuffers: Buffer[] = [];
    for (const { arg, ingredient, slot, dims } of reads) {
      const desc = context.binding.queryArg(primitiveDesc, arg);
      if (!desc || (slot.versions.length === 0 && !slot.entry)) continue;
      const version = this.#layouts.ensure(slot, desc, ingredient ? dims : slot.type.shape);
      args.push([arg, desc, version.buffer]);
      readBuffers.push(version.buffer);
    }
    for (const { arg, slot, dims } of writes) {
      const desc = context.binding.queryArg(primitiveDesc, arg);
      if (!desc) continue;
      const version = this.#layouts.create(desc, dims, { fixed: at.fixed });
      slot.versions.push(version);
      args.push([arg, desc, version.buffer]);
      writeBuffers.push(version.buffer);
    }
    if (addend !== undefined) {
      const [, desc, buffer] = args.find(([arg]) => arg === ARG.dst)!;
      const dims = this.#dims(operandOf(step, 'dst')!, at);
      const source = this.#layouts.ensure(this.#slot(addend, at), desc, dims);
      this.#layouts.copy(source, { desc, dims, dtype: 'f32', buffer }, { fixed: at.fixed, elidable: true });
      readBuffers.push(buffer);
    }
    const parts = { kind: step.kind, primitiveDesc, args, reads: readBuffers, writes: writeBuffers };
    this.#finishPrimitive({ ...parts, inPlace: overwritable(step) }, at);
  }

  /** Adds the scratchpad and emits. */
  #finishPrimitive({ kind, primitiveDesc, args, reads, writes, inPlace = [], joins }: Unfinished, at: At): void {
    const context = this.#context;
    const scratch = context.binding.queryArg(primitiveDesc, ARG.scratchpad);
    if (scratch && context.bytesOf(scratch) > 0) {
      const buffer = new Buffer(context.bytesOf(scratch));
      args.push([ARG.scratchpad, scratch, buffer]);
      writes.push(buffer);
    }
    const target = args.find(([arg]) => arg === ARG.dst || arg === ARG.diffSrc);
    const overwrites = inPlace.flatMap((wanted) => {
      const source = args.find(([arg]) => arg === wanted);
      return source && target && source !== target && context.sameDesc(source[1], target[1]) ? [[source[2], target[2]] as const] : [];
    });
    this.#emit(
      {
        type: 'primitive',
        name: `${kind}:${at.record.name}`,
        path: at.node.path,
        implementation: context.implementationOf(primitiveDesc),
        flops: at.flops,
        reads,
        writes,
        overwrites,
        joins,
        primitiveDesc,
        args,
      },
      at,
    );
  }

  /** The forward descriptor a backward one is derived from. Pooling must know the very one that filled its workspace. */
  #hint(step: PrimitiveStep, row: PrimitiveRow, ingredients: Partial<Ingredients>, at: At): Handle {
    const { binding } = this.#context;
    if (step.kind === 'pooling') {
      const hint = this.#poolings.get(step.workspace ? this.#key(step.workspace.of, at) : this.#geometry(step, at));
      if (hint === undefined)
        throw new EngineError({ where: at.node.op, expected: 'its forward pooling in the same program', got: 'none' });
      return hint;
    }
    const forward: Partial<Ingredients> = { ...ingredients, prop: PROP.forward };
    if (row.chooses) {
      const fields = ['src', 'weights', 'bias', 'dst'] as const;
      for (const field of fields) {
        const operand = operandOf(step, field);
        forward[field] = operand ? binding.any(this.#dims(operand, at)) : undefined;
      }
    } else {
      forward.src = ingredients.src ?? ingredients.dst;
      forward.dst = forward.src;
    }
    return this.#context.describe(ROWS[row.hint!].kind, forward);
  }

  #rememberPooling(step: PrimitiveStep & { kind: 'pooling' }, primitiveDesc: Handle, at: At): void {
    if (step.workspace) this.#poolings.set(this.#key(step.workspace.of, at), primitiveDesc);
    this.#poolings.set(this.#geometry(step, at), primitiveDesc);
  }

  /** What makes two poolings the same primitive as far as a gradient without workspace can tell. */
  #geometry(step: PrimitiveStep & { kind: 'pooling' }, at: At): string {
    const { algorithm, kernel, strides, padBegin, padEnd, src, dst } = step;
    return JSON.stringify([algorithm, kernel, strides, padBegin, padEnd, this.#dims(src, at), this.#dims(dst, at)]);
  }

  #planView({ src, dst }: ViewStep, at: At): void {
    const source = this.#layouts.plain(this.#slot(src.of, at));
    const slot = this.#slot(dst.of, at);
    const { shape, dtype } = slot.type;
    slot.versions.push({ ...source, dims: shape, desc: this.#context.plain(shape, dtype) });
  }

  #planConcat({ sources, dst, axis }: ConcatStep, at: At): void {
    const context = this.#context;
    const slots = sources.map((source) => this.#slot(source.of, at));
    const given = slots.map((slot) => this.#seen(slot, slot.type.shape));
    const target = this.#slot(dst.of, at);
    const dims = this.#dims(dst, at);
    const primitiveDesc = context.binding.concat(
      context.binding.any(dims),
      axis,
      given.map((v) => v.desc),
      context.attr(),
    );
    const parts = slots.map((slot, i) => {
      const desc = context.binding.queryArg(primitiveDesc, ARG.multipleSrc + i) ?? given[i].desc;
      return this.#layouts.ensure(slot, desc, slot.type.shape);
    });
    const desc = context.binding.queryArg(primitiveDesc, ARG.dst)!;
    const whole = this.#layouts.create(desc, dims, { fixed: at.fixed });
    target.versions.push(whole);
    const args: [number, Desc, Buffer][] = parts.map((part, i) => [ARG.multipleSrc + i, part.desc, part.buffer]);
    args.push([ARG.dst, desc, whole.buffer]);
    const reads = parts.map(({ buffer }) => buffer);
    const offsets = stretchesOf(context, whole, parts, axis);
    const joins = offsets?.map((offset, i) => ({ buffer: reads[i], offset }));
    this.#finishPrimitive({ kind: 'concat', primitiveDesc, args, reads, writes: [whole.buffer], joins }, at);
  }

  #planSlice({ src, dst, offsets }: SliceStep, at: At): void {
    const context = this.#context;
    const slot = this.#slot(src.of, at);
    const dims = this.#dims(dst, at);
    let source = this.#seen(slot, slot.type.shape);
    let box = this.#part(source.desc, dims, offsets);
    if (!box) {
      // The box does not begin on a block: only the row-major form can be cut there.
      source = this.#layouts.plain(slot);
      box = context.binding.part(source.desc, dims, offsets);
    }
    const desc = matchingDesc(context, source, dims) ?? context.plain(dims);
    const version = this.#layouts.create(desc, dims, { fixed: at.fixed });
    this.#slot(dst.of, at).versions.push(version);
    this.#layouts.copy(source, version, { fixed: at.fixed, fromDesc: box });
  }

  #part(desc: Desc, dims: Shape, offsets: Shape): Desc | undefined {
    try {
      return this.#context.binding.part(desc, dims, offsets);
    } catch {
      return undefined;
    }
  }

  #planKernel({ layout }: KernelStep, at: At): void {
    const { node, record, fixed } = at;
    const model = typeof layout === 'object' ? this.#layouts.given(this.#slot(layout.sameAs, at)) : undefined;
    const alike = (type: { shape: Shape; dtype: string }) => model && type.dtype === 'f32' && sizeOf(type.shape) === sizeOf(model.dims);
    const inputs = node.inputs.map((id) => {
      if (id === null) return undefined;
      const slot = this.#slots.get(`${id}`)!;
      if (alike(slot.type)) return this.#layouts.ensure(slot, model!.desc, model!.dims);
      return layout === 'given' ? this.#layouts.given(slot) : this.#layouts.plain(slot);
    });
    const outputs = node.outputs.map((id, i) => {
      const slot = this.#slots.get(`${id}`)!;
      const overwritten = record.inPlace[i];
      const version =
        overwritten !== undefined
          ? inputs[overwritten]!
          : alike(slot.type)
            ? this.#layouts.create(model!.desc, model!.dims, { fixed })
            : this.#layouts.plainVersion(slot.type, fixed);
      slot.versions.push(version);
      return version;
    });
    const buffers = (versions: readonly (Version | undefined)[]) => versions.flatMap((v) => (v ? [v.buffer] : []));
    this.#emit(
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
        inputTypes: node.inputs.map((id) => (id === null ? undefined : this.#graph.values[id])),
        outputTypes: node.outputs.map((id) => this.#graph.values[id]),
      },
      at,
    );
    this.#bringHome(inputs, outputs, at);
  }

  /** A kernel that overwrote a converted copy of a parameter: the parameter itself follows. */
  #bringHome(inputs: readonly (Version | undefined)[], outputs: readonly Version[], { node, record }: At): void {
    for (const [output, input] of Object.entries(record.inPlace)) {
      const slot = this.#slots.get(`${node.inputs[input]}`);
      const home = slot?.versions[0];
      if (!slot?.entry || !home || home.buffer === inputs[input]?.buffer) continue;
      const written: Slot = { type: slot.type, fixed: false, versions: [outputs[Number(output)]] };
      this.#layouts.copy(this.#layouts.ensure(written, home.desc, home.dims), home);
    }
  }
}

/** The arguments a primitive may write its result over. */
function overwritable(step: PrimitiveStep): readonly number[] {
  // oneDNN 2.6 adds wrongly in place if an activation follows and the channels do not fill a block.
  if (step.kind === 'binary') return step.activation === 'relu' ? [] : [ARG.src];
  if (step.kind === 'eltwise') return [ARG.src, ARG.diffDst];
  return step.kind === 'batchNorm' ? [ARG.diffDst] : [];
}
