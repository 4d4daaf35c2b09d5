import * as errors from '../../core/errors.ts';
import { type Complaint, FoveaError, messageOf } from '../../core/errors.ts';
import { type NdArray, type NumberArray, viewOf } from '../../core/ndarray.ts';
import { sizeOf } from '../../core/shape.ts';
import type { Graph, TensorType } from '../../graph/graph.ts';
import type { EngineInfo, MemoryUse, StepTime } from '../engine.ts';

/** What the caller's thread asks of the engine's thread. Numbers of a run travel in the slot's shared memory, not in the message. */
export type Request =
  | { kind: 'createStore' }
  | { kind: 'load'; store: number; state: [string, NdArray][] }
  | { kind: 'read'; store: number; names?: readonly string[] }
  | { kind: 'compile'; store: number; graph: Graph; slots: SharedArrayBuffer[] }
  | { kind: 'run'; program: number; slot: number }
  | { kind: 'profile'; program: number; slot: number; repeats: number }
  | { kind: 'closeProgram'; program: number }
  | { kind: 'closeStore'; store: number }
  | { kind: 'close' };

/** What each request is answered with. */
export interface Answers {
  createStore: number;
  load: undefined;
  read: [string, NdArray][];
  compile: { program: number; memory: MemoryUse };
  run: undefined;
  profile: StepTime[];
  closeProgram: undefined;
  closeStore: undefined;
  close: undefined;
}

export type Reply = { id: number; value: Answers[keyof Answers] } | { id: number; error: Failure };
export type Greeting = { info: EngineInfo } | { error: Failure };

/** An error as plain data. */
export interface Failure {
  name: string;
  message: string;
  complaint?: Complaint;
  stack?: string;
}

export const toFailure = (error: unknown): Failure => ({
  name: error instanceof Error ? error.name : 'Error',
  message: messageOf(error),
  complaint: error instanceof FoveaError ? error.complaint : undefined,
  stack: error instanceof Error ? error.stack : undefined,
});

/** The same error on this side of the thread boundary: of its own class where it is one of Fovea's. */
export function fromFailure({ name, message, complaint, stack }: Failure): Error {
  const Class = (errors as Readonly<Record<string, unknown>>)[name] as (new (complaint: Complaint) => FoveaError) | undefined;
  const error = complaint && Class ? new Class(complaint) : new Error(message);
  error.stack = stack;
  return error;
}

/** Where each input and output of a program lies in a slot: one run's numbers, shared by both threads. */
export interface SlotLayout {
  readonly bytes: number;
  readonly fields: readonly { readonly name: string; readonly way: 'in' | 'out'; readonly type: TensorType; readonly offset: number }[];
}

export function slotLayout(graph: Graph): SlotLayout {
  const inputs = graph.values.filter((v) => v.role === 'input').map((type) => ({ name: type.name, way: 'in' as const, type }));
  const outputs = Object.entries(graph.outputs).map(([name, id]) => ({ name, way: 'out' as const, type: graph.values[id] }));
  let bytes = 0;
  const fields = [...inputs, ...outputs].map((field) => {
    const offset = bytes;
    bytes += Math.ceil((sizeOf(field.type.shape) * 4) / 64) * 64;
    return { ...field, offset };
  });
  return { bytes, fields };
}

/** The arrays of one way over a slot's memory. */
export function slotArrays({ fields }: SlotLayout, slot: SharedArrayBuffer, way: 'in' | 'out'): Record<string, NumberArray> {
  const chosen = fields.filter((field) => field.way === way);
  return Object.fromEntries(chosen.map(({ name, type, offset }) => [name, viewOf(type.dtype, slot, offset, sizeOf(type.shape))]));
}
