import { messageOf } from '../../src/core/index.ts';
import type { Backend } from '../../src/engine/engine.ts';
import { createOneDnnBackend } from '../../src/engine/onednn/backend.ts';

/** The oneDNN backend, or nothing, said aloud, on a machine without the library. */
export function openOneDnn(): Backend | undefined {
  try {
    return createOneDnnBackend({ threads: 2 });
  } catch (error) {
    console.warn(`Tests of oneDNN are skipped: ${messageOf(error)}`);
    return undefined;
  }
}
