import { EngineError } from '../../core/errors.ts';
import type { Graph } from '../../graph/index.ts';
import type { Backend, BackendProgram, BackendStore } from '../engine.ts';
import { ReferenceProgram } from './program.ts';
import { ReferenceStore } from './store.ts';

export { evaluate } from './evaluate.ts';

/**
 * The portable engine: runs every op's own `eval` in TypeScript, in one thread, with f32 storage and f64 accumulation.
 *
 * The truth that other engines are tested against; slow, but it runs anywhere.
 *
 * @example const program = createReferenceBackend().compile(graph, store);
 */
export function createReferenceBackend(): Backend {
  return {
    info: { name: 'reference', version: '', file: '', isa: 'typescript', threads: 1 },
    createStore: () => new ReferenceStore(),
    compile(graph: Graph, store: BackendStore): BackendProgram {
      if (!(store instanceof ReferenceStore))
        throw new EngineError({ where: 'compile', expected: 'a store of the reference engine', got: 'another engine’s' });
      return new ReferenceProgram(graph, store);
    },
    close() {},
  };
}
