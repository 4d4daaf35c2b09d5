import koffi from 'koffi';
import { type Shape, sizeOf, stridesOf } from '../../core/shape.ts';
import {
  ARG,
  type Binding,
  created,
  type DataType,
  type Desc,
  type Handle,
  type Ingredients,
  type Kind,
  NULL,
  statusFunction,
  type VersionNumbers,
} from './binding.ts';
import { blockedOffsets } from './blocking.ts';
import { type Library, loadLibrary, setThreads } from './library.ts';
import { bindVersion2 } from './v2.ts';
import { bindVersion3 } from './v3.ts';

const CPU = 1;
const IN_ORDER = 1;
const SCRATCHPAD_BY_USER = 1;
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

/** Bytes that primitives may point into: they never move, and begin on a 64-byte boundary. */
export interface NativeMemory {
  readonly buffer: ArrayBuffer;
  /** Offset of the first aligned byte in `buffer`. */
  readonly base: number;
  readonly bytes: number;
  /** Address of that byte. */
  readonly address: bigint;
}

/** What a primitive does to its result: adds `scale` times what lies there already, or a function of each element. */
export type PostOp =
  | { readonly algorithm: 'sum'; readonly scale: number }
  | { readonly algorithm: keyof VersionNumbers['eltwise']; readonly alpha?: number; readonly beta?: number };

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
  readonly #call: ReturnType<typeof commonCalls>;
  readonly #attrs = new Map<string, Handle>();
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

  /** Attributes with a caller's scratchpad and these operations on the result, in turn; made once for each combination. */
  attr(postOps: readonly PostOp[] = []): Handle {
    const key = JSON.stringify(postOps);
    const known = this.#attrs.get(key);
    if (known !== undefined) return known;
    const attr = created(this.#call.attrCreate);
    this.#call.attrScratchpad(attr, SCRATCHPAD_BY_USER);
    const list = created(this.#call.postOpsCreate);
    const { binding } = this;
    for (const op of postOps)
      if (op.algorithm === 'sum') binding.appendSum(list, op.scale);
      else binding.appendEltwise(list, binding.numbers.eltwise[op.algorithm], op.alpha ?? 0, op.beta ?? 0);
    this.#call.attrPostOps(attr, list);
    this.#call.postOpsDestroy(list);
    this.#attrs.set(key, attr);
    return attr;
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
    const packed = this.allocate(args.length * 16);
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
    const scratch = this.allocate(scratchDesc ? this.bytesOf(scratchDesc) : 0);
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

  allocate(bytes: number): NativeMemory {
    const buffer = new ArrayBuffer(bytes + 64);
    const start = koffi.address(new Uint8Array(buffer));
    const base = Number((64n - (start % 64n)) % 64n);
    return { buffer, base, bytes, address: start + BigInt(base) };
  }

  /** An array's own bytes, for a call that ends before the array can be dropped. They lie on no boundary. */
  memoryOf({ buffer, byteOffset, byteLength }: Float32Array): NativeMemory {
    const address = koffi.address(new Uint8Array(buffer, byteOffset, byteLength));
    return { buffer: buffer as ArrayBuffer, base: byteOffset, bytes: byteLength, address };
  }

  /** Anything that must be destroyed before the engine is. */
  own(destroy: () => void): void {
    this.#owned.push(destroy);
  }

  /** Destroys in reverse order of making: 3.x can crash at exit with live handles. */
  close(): void {
    for (const destroy of this.#owned.splice(0).reverse()) destroy();
    for (const attr of this.#attrs.values()) this.#call.attrDestroy(attr);
    this.#attrs.clear();
    this.binding.close();
    this.#call.streamDestroy(this.#stream);
    this.#call.engineDestroy(this.#engine);
  }
}

function commonCalls({ lib }: Library) {
  const status = (symbol: string, ...args: string[]) => statusFunction(lib, symbol, args);
  const p = 'void*';
  return {
    isa: lib.func('dnnl_get_effective_cpu_isa', 'int', []) as () => number,
    engineCreate: status('dnnl_engine_create', p, 'int', 'size_t'),
    engineDestroy: status('dnnl_engine_destroy', p),
    streamCreate: status('dnnl_stream_create', p, p, 'uint'),
    streamDestroy: status('dnnl_stream_destroy', p),
    wait: status('dnnl_stream_wait', p),
    descEqual: lib.func('dnnl_memory_desc_equal', 'int', [p, p]) as (a: Desc, b: Desc) => number,
    descSize: lib.func('dnnl_memory_desc_get_size', 'size_t', [p]) as (desc: Desc) => number | bigint,
    attrCreate: status('dnnl_primitive_attr_create', p),
    attrDestroy: status('dnnl_primitive_attr_destroy', p),
    attrScratchpad: status('dnnl_primitive_attr_set_scratchpad_mode', p, 'int'),
    attrPostOps: status('dnnl_primitive_attr_set_post_ops', p, p),
    postOpsCreate: status('dnnl_post_ops_create', p),
    postOpsDestroy: status('dnnl_post_ops_destroy', p),
    reorderDesc: status('dnnl_reorder_primitive_desc_create', p, p, p, p, p, p),
    query: status('dnnl_primitive_desc_query', p, 'int', 'int', p),
    descDestroy: status('dnnl_primitive_desc_destroy', p),
    primitiveCreate: status('dnnl_primitive_create', p, p),
    primitiveDestroy: status('dnnl_primitive_destroy', p),
    memoryCreate: status('dnnl_memory_create', p, p, p, p),
    memoryDestroy: status('dnnl_memory_destroy', p),
    execute: status('dnnl_primitive_execute', p, p, 'int', p),
  };
}
