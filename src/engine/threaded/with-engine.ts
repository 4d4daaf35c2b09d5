import type { Engine } from '../engine.ts';
import { type EngineOptions, openEngine } from './index.ts';

export interface WithEngine {
  /** An engine that is open already and stays open, or the kind to open for this call; default `auto`. */
  engine?: Engine | EngineOptions['engine'];
  /** Threads of an engine that is opened; default: the cores of this machine. */
  threads?: number;
}

/** Opens an engine for the length of a call, unless one is given. */
export async function withEngine<T>({ engine, threads }: WithEngine, body: (engine: Engine) => Promise<T>): Promise<T> {
  if (typeof engine === 'object') return body(engine);
  const own = await openEngine({ engine, threads });
  try {
    return await body(own);
  } finally {
    await own.close();
  }
}
