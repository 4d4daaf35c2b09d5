import { type Shape, sameShape, sizeOf } from '../../core/shape.ts';
import type { GraphDType, TensorType } from '../../graph/graph.ts';
import { ARG, type Desc } from './binding.ts';
import { spreadBy } from './blocking.ts';
import type { Context } from './context.ts';
import { Buffer, type Instruction, type Version } from './instruction.ts';
import type { OneDnnStore, StoreEntry } from './store.ts';

/** A value of the program under way: its type, whether it only changes with the store, and the layouts in which it exists so far. */
export interface Slot {
  readonly type: TensorType;
  /** Depends on nothing that is fed or updated by this program. */
  readonly fixed: boolean;
  readonly entry?: StoreEntry;
  /** Where the store has what this overwrote in place. */
  home?: Version;
  readonly versions: Version[];
}

/**
 * Chooses and converts layouts while a program is planned: every value may lie in several, each made at most once, by a reorder
 * that is emitted only where a consumer wants a layout that does not exist yet.
 */
export class Layouts {
  readonly #context: Context;
  readonly #store: OneDnnStore;
  readonly #emit: (instruction: Instruction, fixed: boolean) => void;
  /** Module path of the node being planned: reorders are booked there. */
  path = '';

  constructor(context: Context, store: OneDnnStore, emit: (instruction: Instruction, fixed: boolean) => void) {
    this.#context = context;
    this.#store = store;
    this.#emit = emit;
  }

  /** A fresh buffer for a value in a layout. */
  create(desc: Desc, dims: Shape, { fixed = false, dtype = 'f32' }: { fixed?: boolean; dtype?: GraphDType } = {}): Version {
    return { desc, dims, dtype, buffer: new Buffer(this.#context.bytesOf(desc), { kept: fixed }) };
  }

  plainVersion({ shape, dtype }: TensorType, fixed: boolean): Version {
    return this.create(this.#context.plain(shape, dtype), shape, { fixed, dtype });
  }

  /** The value as it lies already; a parameter that nobody laid out yet becomes row-major. */
  given(slot: Slot): Version {
    return slot.versions[0] ?? this.#place(slot, this.#context.plain(slot.type.shape), slot.type.shape);
  }

  /** The value row-major under its own shape or a regrouping of it. */
  plain(slot: Slot, dims: Shape = slot.type.shape): Version {
    return this.ensure(slot, this.#context.plain(dims, slot.type.dtype), dims);
  }

  /** The value in this layout: as it is, placed so, or reordered. */
  ensure(slot: Slot, desc: Desc, dims: Shape): Version {
    const known = slot.versions.find((v) => sameShape(v.dims, dims) && this.#context.sameDesc(v.desc, desc));
    if (known) return known;
    if (slot.versions.length === 0) return this.#place(slot, desc, dims);
    const source = this.#regrouped(slot, dims);
    if (this.#context.sameDesc(source.desc, desc)) return source;
    const offsets = this.#context.offsetsByHand(desc, dims);
    const target = this.create(desc, dims, { fixed: slot.fixed, dtype: slot.type.dtype });
    if (offsets) this.#spread(this.plain(slot, dims), target, offsets, slot.fixed);
    else this.copy(source, target, { fixed: slot.fixed });
    slot.versions.push(target);
    return target;
  }

  /** Emits a reorder. */
  copy(
    from: Version,
    to: Version,
    { fixed = false, elidable = false, fromDesc = from.desc }: { fixed?: boolean; elidable?: boolean; fromDesc?: Desc } = {},
  ): void {
    const primitiveDesc = this.#context.describeReorder(fromDesc, to.desc);
    this.#emit(
      {
        type: 'primitive',
        name: elidable ? 'copy' : 'reorder',
        path: this.path,
        implementation: this.#context.implementationOf(primitiveDesc),
        flops: 0,
        reads: [from.buffer],
        writes: [to.buffer],
        overwrites: elidable ? [[from.buffer, to.buffer]] : undefined,
        primitiveDesc,
        args: [
          [ARG.src, fromDesc, from.buffer],
          [ARG.dst, to.desc, to.buffer],
        ],
        elidable,
      },
      fixed,
    );
  }

  /** Emits a reorder from row-major numbers that is done here. */
  #spread(from: Version, to: Version, offsets: Uint32Array, fixed: boolean): void {
    const type: TensorType = { shape: from.dims, dtype: from.dtype };
    this.#emit(
      {
        type: 'kernel',
        name: 'reorder',
        path: this.path,
        implementation: 'typescript',
        flops: 0,
        reads: [from.buffer],
        writes: [to.buffer],
        record: spreadBy(offsets),
        attrs: {},
        inputs: [from],
        outputs: [to],
        inputTypes: [type],
        outputTypes: [type],
      },
      fixed,
    );
  }

  /** A version that counts these axes: if none does, the row-major one seen under them. */
  #regrouped(slot: Slot, dims: Shape): Version {
    const direct = slot.versions.find((v) => sameShape(v.dims, dims));
    if (direct) return direct;
    const first = slot.versions[0];
    const flat = this.ensure(slot, this.#context.plain(first.dims, slot.type.dtype), first.dims);
    const seen: Version = { ...flat, dims, desc: this.#context.plain(dims, slot.type.dtype) };
    if (sizeOf(dims) === sizeOf(first.dims)) slot.versions.push(seen);
    return seen;
  }

  #place(slot: Slot, desc: Desc, dims: Shape): Version {
    if (!slot.entry) throw new Error('a value is read before it is computed');
    const version = this.#store.place(slot.entry, desc, dims);
    slot.versions.push(version);
    return version;
  }
}
