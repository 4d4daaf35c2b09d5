import { planMemory } from '../../compile/plan-memory.ts';
import { EngineError } from '../../core/errors.ts';
import { bytesPerElement, type NumberArray, viewOf } from '../../core/ndarray.ts';
import { sizeOf } from '../../core/shape.ts';
import type { Attrs } from '../../graph/attrs.ts';
import type { EvalCall } from '../../graph/op.ts';
import type { BackendProgram, MemoryUse, RawFeeds, StepTime } from '../engine.ts';
import type { Handle } from './binding.ts';
import type { Context } from './context.ts';
import type { Buffer, Instruction, KernelInstruction, PrimitiveInstruction, Version } from './instruction.ts';
import { allocate, type NativeMemory } from './native-memory.ts';
import type { Plan } from './planner.ts';
import { shareBuffers } from './share-buffers.ts';
import type { StoreEntry } from './store.ts';

/** An instruction bound to memory: call it and it is done. */
interface Bound {
  readonly run: () => void;
  readonly instruction: Instruction;
}

/** A plan with memory: everything it needs exists before the first run. */
export class OneDnnProgram implements BackendProgram {
  readonly memory: MemoryUse;
  readonly #context: Context;
  readonly #plan: Plan;
  readonly #arena: NativeMemory;
  readonly #offsets: ReadonlyMap<Buffer, number>;
  readonly #prologue: readonly Bound[];
  readonly #main: readonly Bound[];
  readonly #inputs: ReadonlyMap<string, NumberArray>;
  readonly #outputs: Readonly<Record<string, NumberArray>>;
  readonly #fixedEntries: readonly StoreEntry[];
  /** Argument records that native code points to. */
  readonly #records: NativeMemory[] = [];
  readonly #destroyers: (() => void)[] = [];
  #generation = -1;
  readonly #onClose: () => void;
  #closed = false;

  constructor(context: Context, plan: Plan, { storeBytes, onClose }: { storeBytes: () => number; onClose: () => void }) {
    this.#onClose = onClose;
    this.#context = context;
    const { prologue, main } = shareBuffers(plan);
    const left = new Set([...prologue, ...main]);
    for (const instruction of [...plan.prologue, ...plan.main])
      if (!left.has(instruction) && instruction.type === 'primitive') context.destroyDescription(instruction.primitiveDesc);
    this.#plan = plan;
    const { offsets, arenaBytes, unsharedBytes } = layOut(prologue, main, plan);
    this.#offsets = offsets;
    this.#arena = allocate(arenaBytes);
    this.memory = { arenaBytes, unsharedBytes, storeBytes: storeBytes() };
    this.#prologue = prologue.map((instruction) => this.#bind(instruction));
    this.#main = main.map((instruction) => this.#bind(instruction));
    this.#inputs = new Map([...plan.inputs].map(([name, version]) => [name, this.#array(version)]));
    this.#outputs = Object.fromEntries([...plan.outputs].map(([name, version]) => [name, this.#array(version)]));
    const updated = new Set(plan.updated);
    this.#fixedEntries = plan.entries.filter((entry) => !updated.has(entry));
  }

  run(feeds: RawFeeds): Record<string, NumberArray> {
    this.#begin(feeds);
    try {
      for (const { run } of this.#main) run();
      this.#context.wait();
    } finally {
      // A kernel may refuse its numbers after others have changed the store.
      this.#countUpdates();
    }
    return this.#outputs;
  }

  profile(feeds: RawFeeds, repeats: number): StepTime[] {
    const times = this.#main.map(() => [] as number[]);
    for (let k = 0; k < repeats; k++) {
      this.#begin(feeds);
      try {
        this.#main.forEach(({ run }, i) => {
          const start = performance.now();
          run();
          this.#context.wait();
          times[i].push(performance.now() - start);
        });
      } finally {
        this.#countUpdates();
      }
    }
    return this.#main.map(({ instruction: { name, path, implementation, flops } }, i) => ({
      name,
      path,
      implementation,
      flops,
      ms: times[i].sort((a, b) => a - b)[Math.floor(repeats / 2)],
    }));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const destroy of this.#destroyers.reverse()) destroy();
    this.#onClose();
  }

  #begin(feeds: RawFeeds): void {
    if (this.#closed) throw new EngineError({ where: 'program', expected: 'an open program', got: 'a closed one' });
    this.#prepare();
    for (const [name, target] of this.#inputs) {
      const source = feeds[name];
      if (source?.length !== target.length)
        throw new EngineError({
          where: `input '${name}'`,
          expected: `${target.length} numbers`,
          got: source ? `${source.length}` : 'nothing',
        });
      target.set(source);
    }
  }

  /** Recomputes what depends on the store alone, if that changed. */
  #prepare(): void {
    const missing = this.#plan.entries.find((entry) => !entry.loaded);
    if (missing)
      throw new EngineError({
        where: missing.name,
        expected: 'a value in the store',
        got: 'none',
        hint: 'Load a state dict with this key first',
      });
    const generation = this.#fixedEntries.reduce((sum, entry) => sum + entry.generation, 0);
    if (generation === this.#generation) return;
    for (const { run } of this.#prologue) run();
    this.#context.wait();
    this.#generation = generation;
  }

  #countUpdates(): void {
    for (const entry of this.#plan.updated) entry.generation++;
  }

  #where(buffer: Buffer): { memory: NativeMemory; offset: number } {
    const root = buffer.root;
    if (root.home) return { memory: root.home, offset: buffer.offset };
    return { memory: this.#arena, offset: this.#offsets.get(root)! + buffer.offset };
  }

  /** The numbers of a version as primitives see them, padding included. */
  #array({ buffer, dtype, dims }: Version): NumberArray {
    const { memory, offset } = this.#where(buffer);
    const length = Math.max(buffer.bytes / bytesPerElement(dtype), sizeOf(dims));
    return viewOf(dtype, memory.buffer, memory.base + offset, length);
  }

  #bind(instruction: Instruction): Bound {
    const run = instruction.type === 'kernel' ? this.#bindKernel(instruction) : this.#bindPrimitive(instruction);
    return { run, instruction };
  }

  #bindPrimitive({ primitiveDesc, args }: PrimitiveInstruction): () => void {
    const context = this.#context;
    const primitive = context.createPrimitive(primitiveDesc);
    const memories = args.map(([arg, desc, buffer]): [number, Handle] => {
      const { memory, offset } = this.#where(buffer);
      return [arg, context.createMemory(desc, memory.address + BigInt(offset))];
    });
    const record = context.packArgs(memories);
    this.#records.push(record);
    this.#destroyers.push(() => {
      for (const [, memory] of memories) context.destroyMemory(memory);
      context.destroyPrimitive(primitive);
      context.destroyDescription(primitiveDesc);
    });
    const { address } = record;
    const count = memories.length;
    return () => context.execute(primitive, count, address);
  }

  #bindKernel({ record, attrs, inputs, outputs, inputTypes, outputTypes }: KernelInstruction): () => void {
    const arrays = outputs.map((version) => this.#array(version));
    const call: EvalCall<Attrs> = {
      inputs: inputs.map((version) => version && this.#array(version)),
      outputs: arrays,
      inputTypes,
      outputTypes,
      attrs,
    };
    // An op's eval finds its results zeroed, unless it overwrites an input.
    const cleared = arrays.filter((_, i) => record.inPlace[i] === undefined);
    return () => {
      this.#context.wait();
      for (const array of cleared) array.fill(0);
      record.eval(call);
    };
  }
}

/** Lifetimes over prologue and main, and the arena that follows. */
function layOut(prologue: readonly Instruction[], main: readonly Instruction[], { inputs, outputs }: Plan) {
  const end = prologue.length + main.length;
  const spans = new Map<Buffer, { bytes: number; first: number; last: number }>();
  const touch = (buffer: Buffer, at: number) => {
    const root = buffer.root;
    if (root.home) return;
    const span = spans.get(root) ?? { bytes: root.bytes, first: at, last: at };
    span.first = buffer.kept ? 0 : Math.min(span.first, at);
    span.last = buffer.kept ? end : Math.max(span.last, at);
    spans.set(root, span);
  };
  for (const { buffer } of inputs.values()) touch(buffer, prologue.length);
  [...prologue, ...main].forEach((instruction, i) => {
    for (const buffer of [...instruction.reads, ...instruction.writes]) touch(buffer, i);
  });
  for (const { buffer } of outputs.values()) touch(buffer, end);
  const buffers = [...spans.keys()];
  const { offsets, arenaBytes, unsharedBytes } = planMemory([...spans.values()]);
  return { offsets: new Map(buffers.map((buffer, i) => [buffer, offsets[i]])), arenaBytes, unsharedBytes };
}
