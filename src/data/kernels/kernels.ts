import { binary } from './binary.ts';

/** Addresses in the kernels' memory. */
export type Address = number;

/** What kernels.as exports. */
interface Kernels {
  buildTable(counts: Address, symbols: Address, table: Address): void;
  unstuff(start: Address, end: Address, parts: Address, mostParts: number): number;
  decodeScan(scan: Address, firstComponent: Address): number;
  colourRow(
    luma: Address,
    cb: Address,
    cbFar: Address,
    cr: Address,
    crFar: Address,
    from: number,
    count: number,
    width: number,
    h: number,
    v: number,
    isLower: boolean,
    room: Address,
    roomStride: number,
    out: Address,
    skip: number,
  ): void;
  greyRow(luma: Address, count: number, out: Address): void;
  rotateRow(
    origin: Address,
    stride: number,
    width: number,
    height: number,
    xPart: Address,
    yPart: Address,
    rowX: number,
    rowY: number,
    columns: number,
    fill: number,
    out: Address,
  ): void;
  resizeRow(start: Address, first: Address, count: Address, weights: Address, most: number, columns: number, out: Address): void;
  resizeColumn(start: Address, taps: number, weights: Address, bytes: number, out: Address): void;
  colourPixels(pixels: Address, count: number, steps: Address, stepCount: number): number;
  writeTensor(
    pixels: Address,
    area: number,
    channels: number,
    steps: Address,
    stepCount: number,
    scales: Address,
    channelBytes: number,
    out: Address,
  ): void;
  absoluteSums(query: Address, rows: Address, stride: number, count: number, out: Address): void;
  absoluteSumsOfReals(query: Address, rows: Address, stride: number, count: number, out: Address): void;
}

/** A memory of WebAssembly that other threads might share: what matters here is that it grows in place. */
export interface KernelMemory {
  readonly buffer: SharedArrayBuffer;
  /** Adds pages of 64 KiB. */
  grow(pages: number): number;
}

/** What is used of WebAssembly: the compiler's types know it only beside a browser's. */
interface Engine {
  Memory: new (size: { initial: number; maximum: number; shared: boolean }) => KernelMemory;
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object, imports: object) => { exports: unknown };
}
const engine = (globalThis as unknown as { WebAssembly: Engine }).WebAssembly;

let compiled: object | undefined;

/** As many pages as kernels.as was compiled for: 2 GiB. */
const mostPages = 32768;

export const createMemory = (): KernelMemory => new engine.Memory({ initial: 1, maximum: mostPages, shared: true });

/** Gives the kernels a memory of their own to work in. */
export function openKernels(memory: KernelMemory): Kernels {
  compiled ??= new engine.Module(Buffer.from(binary, 'base64'));
  return new engine.Instance(compiled, { env: { memory } }).exports as Kernels;
}

export type { Kernels };
