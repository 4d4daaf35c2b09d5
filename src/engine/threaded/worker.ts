import { parentPort, workerData } from 'node:worker_threads';
import { EngineError } from '../../core/errors.ts';
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

/** Things by number, which the other side knows them by: what is dropped can be collected. */
class Numbered<T> {
  readonly #things = new Map<number, T>();
  readonly #what: string;
  #next = 0;

  constructor(what: string) {
    this.#what = what;
  }

  add(thing: T): number {
    this.#things.set(this.#next, thing);
    return this.#next++;
  }

  get(number: number): T {
    const thing = this.#things.get(number);
    if (thing === undefined) throw new EngineError({ where: this.#what, expected: `an open ${this.#what}`, got: 'a closed one' });
    return thing;
  }

  /** What it was; undefined if it was dropped before. */
  drop(number: number): T | undefined {
    const thing = this.#things.get(number);
    this.#things.delete(number);
    return thing;
  }
}

/** The engine's thread: a backend that answers requests in order. */
function serve(backend: Backend): void {
  const port = parentPort!;
  const stores = new Numbered<BackendStore>('store');
  const programs = new Numbered<{ program: BackendProgram; slots: Slot[] }>('program');
  const handlers: { [K in Request['kind']]: (request: Extract<Request, { kind: K }>) => Answers[K] } = {
    createStore: () => stores.add(backend.createStore()),
    load({ store, state }) {
      stores.get(store).load(new Map(state));
      return undefined;
    },
    read: ({ store, names }) => [...stores.get(store).read(names)],
    compile({ store, graph, slots }) {
      const program = backend.compile(graph, stores.get(store));
      const layout = slotLayout(graph);
      const arrays = slots.map((slot) => ({ inputs: slotArrays(layout, slot, 'in'), outputs: slotArrays(layout, slot, 'out') }));
      return { program: programs.add({ program, slots: arrays }), memory: program.memory };
    },
    run({ program, slot }) {
      const { program: planned, slots } = programs.get(program);
      const { inputs, outputs } = slots[slot];
      const results = planned.run(inputs);
      for (const [name, target] of Object.entries(outputs)) target.set(results[name].subarray(0, target.length));
      return undefined;
    },
    profile({ program, slot, repeats }) {
      const { program: planned, slots } = programs.get(program);
      return planned.profile(slots[slot].inputs, repeats);
    },
    closeProgram({ program }) {
      programs.drop(program)?.program.close();
      return undefined;
    },
    closeStore({ store }) {
      stores.drop(store);
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
