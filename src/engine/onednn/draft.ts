import { type Shape, sizeOf } from '../../core/shape.ts';
import type { Graph, Node } from '../../graph/graph.ts';
import type { Operand, Ref } from '../../graph/lowering.ts';
import type { AnyOp } from '../../graph/op.ts';
import { ARG, type Desc, type Handle } from './binding.ts';
import type { Context } from './context.ts';
import { Buffer, type Instruction, type Part, type Version } from './instruction.ts';
import { Layouts, type Slot } from './layouts.ts';
import type { OneDnnStore } from './store.ts';

/** The node whose steps are being planned. */
export interface At {
  readonly node: Node;
  readonly index: number;
  readonly record: AnyOp;
  /** Depends on nothing that is fed or updated by this program. */
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

/** A plan under way: the values so far, each in the layouts it exists in, and the instructions that make them. */
export class Draft {
  readonly context: Context;
  readonly graph: Graph;
  /** Whether the program changes the store: a training step. */
  readonly trains: boolean;
  readonly layouts: Layouts;
  readonly prologue: Instruction[] = [];
  readonly main: Instruction[] = [];
  /** Forward pooling descriptors by the workspace they fill or the geometry they have: the hint their gradient needs. */
  readonly poolings = new Map<string, Handle>();
  readonly #slots = new Map<string, Slot>();

  constructor(context: Context, store: OneDnnStore, { graph, trains }: { graph: Graph; trains: boolean }) {
    this.context = context;
    this.graph = graph;
    this.trains = trains;
    this.layouts = new Layouts(context, store, (instruction, fixed) => this.emit(instruction, { fixed }));
  }

  /** Declares a value of the graph. */
  declare(id: number, slot: Slot): void {
    this.#slots.set(`${id}`, slot);
  }

  valueSlot(id: number): Slot {
    return this.#slots.get(`${id}`)!;
  }

  /** What tells a value of a step apart from all others. */
  key(ref: Ref, { node, index }: At): string {
    if ('in' in ref) return `${node.inputs[ref.in]}`;
    if ('out' in ref) return `${node.outputs[ref.out]}`;
    return `${index}:${ref.temp}`;
  }

  /** The value a step refers to; `dims`: the shape of a temporary that is met for the first time. */
  slot(ref: Ref, at: At, dims: Shape = []): Slot {
    const key = this.key(ref, at);
    let slot = this.#slots.get(key);
    if (!slot) {
      slot = { type: { shape: dims, dtype: 'f32' }, fixed: at.fixed, versions: [] };
      this.#slots.set(key, slot);
    }
    return slot;
  }

  dims(operand: Operand, at: At): Shape {
    return operand.dims ?? this.slot(operand.of, at).type.shape;
  }

  /** A value as it lies, if it counts these axes, else row-major. */
  seen(slot: Slot, dims: Shape): Version {
    const given = this.layouts.given(slot);
    return given.dims.length === dims.length && sizeOf(given.dims) === sizeOf(dims) ? given : this.layouts.plain(slot, dims);
  }

  emit(instruction: Instruction, { fixed }: Pick<At, 'fixed'>): void {
    (fixed ? this.prologue : this.main).push(instruction);
  }

  /** Adds the scratchpad to a primitive and emits it. */
  finish({ kind, primitiveDesc, args, reads, writes, inPlace = [], joins }: Unfinished, at: At): void {
    const context = this.context;
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
    this.emit(
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
}
