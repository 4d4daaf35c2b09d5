import koffi from 'koffi';
import { type Shape, sizeOf, stridesOf } from '../../core/shape.ts';
import { Attributes, type PostOp } from './attributes.ts';
import { ARG, type Binding, created, type DataType, type Desc, type Handle, type Ingredients, type Kind, NULL } from './binding.ts';
import { blockedOffsets } from './blocking.ts';
import { type CommonCalls, commonCalls } from './common-calls.ts';
import { type Library, loadLibrary, setThreads } from './library.ts';
import { allocate, type NativeMemory } from './native-memory.ts';
import { bindVersion2 } from './v2.ts';
import { bindVersion3 } from './v3.ts';

const CPU = 1;
const IN_ORDER = 1;
const IMPLEMENTATION_NAME = 8;
const BYTES_PER_ELEMENT = 4;

/** `dnnl_get_effective_cpu_isa`, where the numbers of both versions agree. */
const ISA: Readonly<Record<number, string>> = {
  1: 'SSE4.1',
  3: 'AVX',
  7: 'AVX2',
  15: 'AVX2 VNNI',
  31: 'AVX2 VNNI 2',
  39: 'AVX-512',
  103: 'AVX-512 VNNI',
  231: 'AVX-512 BF16',
  495: 'AVX-512 FP16',
  999: 'AVX-512 AMX',
  4079: 'AVX-512 AMX',
  8175: 'AVX-512 AMX FP16',
};

/**
 * One opened oneDNN: a CPU engine, an in-order stream, and the C calls that both major versions share. Belongs to the thread that made it,
 * because OpenMP teams do.
 */
export class Context {
  readonly library: Library;
  readonly threads: number;
  readonly isa: string;
  readonly binding: Binding;
  readonly #engine: Handle;
  readonly #stream: Handle;
  readonly #call: CommonCalls;
  readonly #attributes: Attributes;
  readonly #owned: (() => void)[] = [];
  readonly #held: NativeMemory[] = [];

  constructor(threads: number) {
    this.library = loadLibrary();
    const { lib, major } = this.library;
    this.threads = setThreads(threads);
    this.#call = commonCalls(this.library);
    this.isa = ISA[this.#call.isa()] ?? `unknown (${this.#call.isa()})`;
    this.#engine = created(this.#call.engineCreate, CPU, 0);
    this.#stream = created(this.#call.streamCreate, this.#engine, IN_ORDER);
    this.binding = major === 2 ? bindVersion2(lib, this.#engine) : bindVersion3(lib, this.#engine);
    this.#attributes = new Attributes(this.#call, this.binding);
  }

  plain(dims: Shape, type: DataType = 'f32'): Desc {
    // A scalar is one element: oneDNN knows no zero axes.
    const shape = dims.length ? dims : [1];
    return this.binding.strided(shape, stridesOf(shape), type);
  }

  sameDesc(a: Desc, b: Desc): boolean {
    return this.#call.descEqual(a, b) === 1;
  }

  bytesOf(desc: Desc): number {
    return Number(this.#call.descSize(desc));
  }

  /** Attributes with a caller's scratchpad and these operations on the result, in turn. */
  attr(postOps: readonly PostOp[] = []): Handle {
    return this.#attributes.of(postOps);
  }

  describe(kind: Kind, ingredients: Partial<Ingredients>, attr = this.attr(), hint: Handle = NULL): Handle {
    return this.binding.describe(kind, ingredients, attr, hint);
  }

  describeReorder(from: Desc, to: Desc): Handle {
    return created(this.#call.reorderDesc, from, this.#engine, to, this.#engine, this.attr());
  }

  implementationOf(primitiveDesc: Handle): string {
    const out = new BigUint64Array(1);
    this.#call.query(primitiveDesc, IMPLEMENTATION_NAME, 0, out);
    return String(koffi.decode(out[0], 'char', -1));
  }

  createPrimitive(primitiveDesc: Handle): Handle {
    return created(this.#call.primitiveCreate, primitiveDesc);
  }

  createMemory(desc: Desc, address: bigint): Handle {
    return created(this.#call.memoryCreate, desc, this.#engine, address);
  }

  destroyMemory(memory: Handle): void {
    this.#call.memoryDestroy(memory);
  }
  destroyPrimitive(primitive: Handle): void {
    this.#call.primitiveDestroy(primitive);
  }
  destroyDescription(primitiveDesc: Handle): void {
    this.#call.descDestroy(primitiveDesc);
  }

  execute(primitive: Handle, count: number, args: bigint): void {
    this.#call.execute(primitive, this.#stream, count, args);
  }

  /** Packs `dnnl_exec_arg_t` records: {int32 argument, padding, pointer}, 16 bytes each. Keep what it returns while they are used. */
  packArgs(args: readonly (readonly [arg: number, memory: Handle])[]): NativeMemory {
    const packed = allocate(args.length * 16);
    const view = new DataView(packed.buffer, packed.base);
    args.forEach(([arg, memory], i) => {
      view.setInt32(i * 16, arg, true);
      view.setBigUint64(i * 16 + 8, memory, true);
    });
    return packed;
  }

  /**
   * Where the numbers of a row-major array lie in a layout that must be written by hand, because the library's reorder into it cannot be
   * trusted: one that pads blocks of blocks.
   */
  offsetsByHand(desc: Desc, dims: Shape): Uint32Array | undefined {
    if (!this.binding.blocking || this.bytesOf(desc) <= sizeOf(dims) * BYTES_PER_ELEMENT) return undefined;
    const blocking = this.binding.blocking(desc, dims.length);
    return blocking.blocks.length > 1 ? blockedOffsets(dims, blocking) : undefined;
  }

  /** Reorders once, outside any program. */
  reorderOnce(from: Desc, source: NativeMemory, to: Desc, target: NativeMemory): void {
    const primitiveDesc = this.describeReorder(from, to);
    const primitive = this.createPrimitive(primitiveDesc);
    const scratchDesc = this.binding.queryArg(primitiveDesc, ARG.scratchpad);
    const scratch = allocate(scratchDesc ? this.bytesOf(scratchDesc) : 0);
    const memories: [number, Handle][] = [
      [ARG.src, this.createMemory(from, source.address)],
      [ARG.dst, this.createMemory(to, target.address)],
    ];
    if (scratchDesc) memories.push([ARG.scratchpad, this.createMemory(scratchDesc, scratch.address)]);
    const packed = this.packArgs(memories);
    // The collector cannot see native pointers: what they point to is held here until the call is over.
    this.#held.push(source, target, scratch, packed);
    this.execute(primitive, memories.length, packed.address);
    this.wait();
    this.#held.length = 0;
    for (const [, memory] of memories) this.destroyMemory(memory);
    if (scratchDesc) this.binding.release(scratchDesc);
    this.destroyPrimitive(primitive);
    this.destroyDescription(primitiveDesc);
  }

  wait(): void {
    this.#call.wait(this.#stream);
  }

  /** Anything that must be destroyed before the engine is. */
  own(destroy: () => void): void {
    this.#owned.push(destroy);
  }

  /** Destroys in reverse order of making: 3.x can crash at exit with live handles. */
  close(): void {
    for (const destroy of this.#owned.splice(0).reverse()) destroy();
    this.#attributes.close();
    this.binding.close();
    this.#call.streamDestroy(this.#stream);
    this.#call.engineDestroy(this.#engine);
  }
}
