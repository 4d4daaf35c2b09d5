import { availableParallelism } from 'node:os';
import { EngineError } from '../../core/errors.ts';
import type { Graph } from '../../graph/graph.ts';
import { catalogue } from '../../ops/index.ts';
import type { Backend, BackendProgram, BackendStore } from '../engine.ts';
import { Context } from './context.ts';
import { planGraph } from './planner.ts';
import { OneDnnProgram } from './program.ts';
import { OneDnnStore } from './store.ts';

/**
 * The oneDNN engine in this thread: primitives on native memory, everything planned before the first run.
 *
 * - `threads`: OpenMP threads, from 1; default the cores of this machine.
 *
 * **Throws** `EngineError` if the library cannot be found or opened.
 */
export function createOneDnnBackend({ threads = availableParallelism() }: { threads?: number } = {}): Backend {
  const context = new Context(threads);
  /** Those that are open. */
  const programs = new Set<OneDnnProgram>();
  const { version, file } = context.library;
  return {
    info: { name: 'onednn', version, file, isa: context.isa, threads: context.threads },
    createStore: () => new OneDnnStore(context),
    compile(graph: Graph, store: BackendStore): BackendProgram {
      if (!(store instanceof OneDnnStore && store.context === context))
        throw new EngineError({ where: 'compile', expected: 'a store of this engine', got: 'another one’s' });
      const plan = planGraph(context, store, graph, catalogue);
      const program = new OneDnnProgram(context, plan, { storeBytes: () => store.bytes, onClose: () => void programs.delete(program) });
      programs.add(program);
      return program;
    },
    close() {
      for (const program of [...programs].reverse()) program.close();
      context.close();
    },
  };
}
