import { EngineError } from '../../core/errors.ts';
import type { StateDict } from '../../core/ndarray.ts';
import { formatShape, type Shape, sameShape, sizeOf } from '../../core/shape.ts';
import type { BackendStore } from '../engine.ts';
import type { Desc } from './binding.ts';
import type { Context } from './context.ts';
import { Buffer, type Version } from './instruction.ts';
import { allocate, memoryOf } from './native-memory.ts';

/** A parameter or state: its numbers row-major until a program chooses a layout, then in native memory. */
export class StoreEntry {
  readonly name: string;
  /** Counts changes, so that programs know when to recompute what they derive from it. */
  generation = 0;
  shape?: Shape;
  waiting?: Float32Array;
  version?: Version;

  constructor(name: string) {
    this.name = name;
  }

  get loaded(): boolean {
    return this.waiting !== undefined || this.generation > 0;
  }
}

/** Parameters and states of one model in a oneDNN context. */
export class OneDnnStore implements BackendStore {
  readonly context: Context;
  readonly #entries = new Map<string, StoreEntry>();

  constructor(context: Context) {
    this.context = context;
  }

  get bytes(): number {
    return [...this.#entries.values()].reduce((sum, { version }) => sum + (version?.buffer.bytes ?? 0), 0);
  }

  /** The entry a program's value refers to; its shape must be the one that was loaded. */
  entry(name: string, shape: Shape): StoreEntry {
    const entry = this.#obtain(name);
    entry.shape ??= shape;
    if (!sameShape(entry.shape, shape))
      throw new EngineError({ where: name, expected: `shape ${formatShape(shape)}`, got: formatShape(entry.shape) });
    return entry;
  }

  /** Fixes how an entry lies from now on. */
  place(entry: StoreEntry, desc: Desc, dims: Shape): Version {
    const bytes = this.context.bytesOf(desc);
    const version: Version = { desc, dims, dtype: 'f32', buffer: new Buffer(bytes, { home: allocate(bytes) }) };
    entry.version = version;
    if (entry.waiting) this.#write(version, entry.waiting);
    entry.waiting = undefined;
    return version;
  }

  load(state: StateDict): void {
    for (const [name, { data, shape, dtype }] of state) {
      const entry = this.#obtain(name);
      entry.shape ??= shape;
      if (!sameShape(entry.shape, shape) || sizeOf(shape) !== data.length)
        throw new EngineError({ where: name, expected: `shape ${formatShape(entry.shape)}`, got: formatShape(shape) });
      if (dtype !== 'f32') throw new EngineError({ where: name, expected: 'f32', got: dtype });
      if (entry.version) this.#write(entry.version, data as Float32Array);
      else entry.waiting = (data as Float32Array).slice();
      entry.generation++;
    }
  }

  read(names: readonly string[] = [...this.#entries.keys()]): StateDict {
    const state: StateDict = new Map();
    for (const name of names) {
      const entry = this.#entries.get(name);
      if (!entry?.loaded || !entry.shape)
        throw new EngineError({ where: name, expected: 'a loaded parameter or state', got: 'none of that name' });
      const data = new Float32Array(sizeOf(entry.shape));
      if (entry.version) this.#copy(entry.version, data, 'out');
      else data.set(entry.waiting!);
      state.set(name, { dtype: 'f32', shape: entry.shape, data });
    }
    return state;
  }

  #obtain(name: string): StoreEntry {
    const entry = this.#entries.get(name) ?? new StoreEntry(name);
    this.#entries.set(name, entry);
    return entry;
  }

  #write(version: Version, data: Float32Array): void {
    this.#copy(version, data, 'in');
  }

  /** One reorder between row-major numbers and a placed entry. */
  #copy({ desc, dims, buffer }: Version, data: Float32Array, way: 'in' | 'out'): void {
    const context = this.context;
    const offsets = way === 'in' ? context.offsetsByHand(desc, dims) : undefined;
    if (offsets) {
      const { buffer: memory, base, bytes } = buffer.home!;
      const target = new Float32Array(memory, base, bytes / Float32Array.BYTES_PER_ELEMENT).fill(0);
      offsets.forEach((offset, i) => {
        target[offset] = data[i];
      });
      return;
    }
    const plain = context.plain(dims);
    const numbers = memoryOf(data);
    if (way === 'in') context.reorderOnce(plain, numbers, desc, buffer.home!);
    else context.reorderOnce(desc, buffer.home!, plain, numbers);
    context.binding.release(plain);
  }
}
