import type { Failure } from '../../engine/threaded/protocol.ts';
import type { PictureFiles } from '../dataset.ts';
import type { FillReport } from './fill.ts';

/** What a worker is told. Things are sent once and then named by number. */
export type Request =
  | { kind: 'know'; number: number; thing: PictureFiles | SharedArrayBuffer }
  | { kind: 'fill'; id: number; source: number; slot: number; indices: Uint32Array; epoch: number }
  | { kind: 'close' };

export type Reply = { id: number; report: FillReport } | { id: number; error: Failure };
