import koffi from 'koffi';

/** Bytes that primitives may point into: they never move, and begin on a 64-byte boundary. */
export interface NativeMemory {
  readonly buffer: ArrayBuffer;
  /** Offset of the first aligned byte in `buffer`. */
  readonly base: number;
  readonly bytes: number;
  /** Address of that byte. */
  readonly address: bigint;
}

const BOUNDARY = 64;

export function allocate(bytes: number): NativeMemory {
  const buffer = new ArrayBuffer(bytes + BOUNDARY);
  const start = koffi.address(new Uint8Array(buffer));
  const base = Number((BigInt(BOUNDARY) - (start % BigInt(BOUNDARY))) % BigInt(BOUNDARY));
  return { buffer, base, bytes, address: start + BigInt(base) };
}

/** An array's own bytes, for a call that ends before the array can be dropped. They lie on no boundary. */
export function memoryOf({ buffer, byteOffset, byteLength }: Float32Array): NativeMemory {
  const address = koffi.address(new Uint8Array(buffer, byteOffset, byteLength));
  return { buffer: buffer as ArrayBuffer, base: byteOffset, bytes: byteLength, address };
}
