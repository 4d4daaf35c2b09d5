import { parentPort, workerData } from 'node:worker_threads';
import type { NumberArray } from '../../core/ndarray.ts';
import type { Backend, BackendProgram, BackendStore } from '../engine.ts';
import { createBackend } from './choose.ts';
import type { EngineOptions } from './index.ts';
import { type Answers, type Greeting, type Reply, type Request, slotArrays, slotLayout, toFailure } from './protocol.ts';

/** One run's arrays on this side of the slot. */
interface Slot {
  readonly inputs: Record<string, NumberArray>;
  readonly outputs: Record<string, NumberArray>;
}

/** The engine's thread: a backend that answers requests in order. */
function serve(backend: Backend): void {
  const port = parentPort!;
  const stores: BackendStore[] = [];
  const programs: { program: BackendProgram; slots: Slot[] }[] = [];
  const handlers: { [K in Request['kind']]: (request: Extract<Request, { kind: K }>) => Answers[K] } = {
    createStore: () => stores.push(backend.createStore()) - 1,
    load({ store, state }) {
      stores[store].load(new Map(state));
      return undefined;
    },
    read: ({ store, names }) => [...stores[store].read(names)],
    compile({ store, graph, slots }) {
      const program = backend.compile(graph, stores[store]);
      const layout = slotLayout(graph);
      const arrays = slots.map((slot) => ({ inputs: slotArrays(layout, slot, 'in'), outputs: slotArrays(layout, slot, 'out') }));
      return { program: programs.push({ program, slots: arrays }) - 1, memory: program.memory };
    },
    run({ program, slot }) {
      const { inputs, outputs } = programs[program].slots[slot];
      const results = programs[program].program.run(inputs);
      for (const [name, target] of Object.entries(outputs)) target.set(results[name].subarray(0, target.length));
      return undefined;
    },
    profile: ({ program, slot, repeats }) => programs[program].program.profile(programs[program].slots[slot].inputs, repeats),
    closeProgram({ program }) {
      programs[program].program.close();
      return undefined;
    },
    close() {
      backend.close();
      return undefined;
    },
  };
  port.on('message', ({ id, request }: { id: number; request: Request }) => {
    let reply: Reply;
    try {
      reply = { id, value: handlers[request.kind](request as never) };
    } catch (error) {
      reply = { id, error: toFailure(error) };
    }
    port.postMessage(reply);
    if (request.kind === 'close') port.close();
  });
}

let greeting: Greeting;
try {
  const backend = createBackend(workerData as EngineOptions);
  serve(backend);
  greeting = { info: backend.info };
} catch (error) {
  greeting = { error: toFailure(error) };
}
parentPort!.postMessage(greeting);
if ('error' in greeting) parentPort!.close();
