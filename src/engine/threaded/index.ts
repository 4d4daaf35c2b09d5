import { checkOptions, integer, oneOf } from '../../core/option-ranges.ts';
import type { Engine } from '../engine.ts';
import { startEngine } from './client.ts';

export interface EngineOptions {
  /** `auto` (default): oneDNN if it can be loaded, else the portable engine; its `info.note` then says why. */
  engine?: 'auto' | 'onednn' | 'reference';
  /** Threads the kernels use, from 1 to 1024; default: the cores of this machine. */
  threads?: number;
}

/**
 * Opens an engine in a thread of its own, so that the caller's thread stays free while it computes. Close it when done: it keeps
 * the process alive.
 *
 * **Throws** `UsageError` for another engine or number of threads; `EngineError` if the engine asked for cannot be had, or `FOVEA_ONEDNN` names no usable library.
 *
 * @example
 * const engine = await openEngine();
 * console.log(engine.info); // { name: 'onednn', version: '2.6.3', … }
 */
export async function openEngine(options: EngineOptions = {}): Promise<Engine> {
  checkOptions(options, { engine: oneOf(['auto', 'onednn', 'reference']), threads: integer(1, 1024) });
  return startEngine(options);
}
