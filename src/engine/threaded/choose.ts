import { messageOf } from '../../core/errors.ts';
import type { Backend } from '../engine.ts';
import { createOneDnnBackend } from '../onednn/backend.ts';
import { createReferenceBackend } from '../reference/backend.ts';
import type { EngineOptions } from './index.ts';

/**
 * The backend that the options name. `auto` takes the portable one where oneDNN cannot be found, and notes why; a library that the user
 * named and that does not open is an error all the same.
 */
export function createBackend({ engine = 'auto', threads }: EngineOptions): Backend {
  if (engine === 'reference') return createReferenceBackend();
  try {
    return createOneDnnBackend({ threads });
  } catch (error) {
    if (engine === 'onednn' || process.env.FOVEA_ONEDNN) throw error;
    const backend = createReferenceBackend();
    return { ...backend, info: { ...backend.info, note: messageOf(error) } };
  }
}
