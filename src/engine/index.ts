/** What consumes graphs: opening an engine, its stores and programs, and the engines there are. */
export type * from './engine.ts';
export { LocalEngine } from './local.ts';
export { createReferenceBackend } from './reference/backend.ts';
export { type EngineOptions, openEngine } from './threaded/index.ts';
export { type WithEngine, withEngine } from './threaded/with-engine.ts';
