import { type Address, createMemory, type KernelMemory, type Kernels, openKernels } from './kernels/kernels.ts';

/** What each part of the room is for: those in use at the same time have different numbers. */
export const slots = {
  file: 0,
  tables: 1,
  scan: 2,
  rows: 3,
  decoded: 4,
  turned: 5,
  evenStage: 6,
  oddStage: 7,
  axisParts: 8,
  resizeRows: 9,
  blur: 10,
  evenRun: 11,
  oddRun: 12,
  colourSteps: 13,
  tensor: 14,
  copied: 15,
  /** Three of them. */
  planes: 16,
  columnTaps: 19,
  rowTaps: 20,
} as const;

const pageBytes = 65536;
const firstAddress = 4096;
/** Bytes after each part that kernels may read and write in passing. */
const slackBytes = 64;

/**
 * Room kept from picture to picture, in the memory that the kernels work in: fresh megabytes cost more in page faults than the work done on them.
 *
 * The memory is a shared one because that grows in place: views of it stay valid.
 */
export class Scratch {
  readonly kernels: Kernels;
  readonly #memory: KernelMemory;
  readonly #buffers = new WeakSet<ArrayBufferLike>();
  readonly #held: { at: Address; capacity: number }[] = [];
  #top = firstAddress;

  constructor() {
    this.#memory = createMemory();
    this.kernels = openKernels(this.#memory);
  }

  /** Bytes that are taken: what is not used again is not given back. */
  get size(): number {
    return this.#top;
  }

  /** `length` bytes with whatever was left in them; the same place at every call for that slot unless it has to grow. */
  bytes(slot: number, length: number): Uint8Array {
    let held = this.#held[slot];
    if (!held || held.capacity < length) {
      const capacity = 16 * Math.ceil((length * 1.25) / 16);
      held = { at: this.#top, capacity };
      this.#held[slot] = held;
      this.#top += capacity + slackBytes;
      const missing = Math.ceil(this.#top / pageBytes) - this.#memory.buffer.byteLength / pageBytes;
      if (missing > 0) this.#memory.grow(missing);
    }
    this.#buffers.add(this.#memory.buffer);
    return new Uint8Array(this.#memory.buffer, held.at, length);
  }

  ints(slot: number, length: number): Int32Array {
    const { buffer, byteOffset } = this.bytes(slot, 4 * length);
    return new Int32Array(buffer, byteOffset, length);
  }

  floats(slot: number, length: number): Float32Array {
    const { buffer, byteOffset } = this.bytes(slot, 4 * length);
    return new Float32Array(buffer, byteOffset, length);
  }

  /** Whether an array lies in this room. */
  holds(array: Uint8Array): boolean {
    return this.#buffers.has(array.buffer);
  }

  /** Where the kernels find these bytes: they are copied into `slot` if they lie elsewhere. */
  place(array: Uint8Array, slot: number): Address {
    if (this.holds(array)) return array.byteOffset;
    const copy = this.bytes(slot, array.length);
    copy.set(array);
    return copy.byteOffset;
  }
}
