import type { Worker } from 'node:worker_threads';
import { EngineError } from '../../core/errors.ts';
import { type Answers, fromFailure, type Reply, type Request } from './protocol.ts';

interface Pending {
  resolve: (value: never) => void;
  reject: (error: Error) => void;
}

/** Requests and replies between this thread and the engine's. */
export class Connection {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  #next = 0;
  #dead?: Error;
  /** Why it ends, once it was asked to. */
  #closing?: Error;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', (reply: Reply) => {
      const pending = this.#pending.get(reply.id);
      if (!pending) return;
      this.#pending.delete(reply.id);
      if ('error' in reply) pending.reject(fromFailure(reply.error));
      else pending.resolve(reply.value as never);
    });
    worker.on('error', (error) => this.#fail(error));
    worker.on('exit', (code) =>
      this.#fail(this.#closing ?? new EngineError({ where: 'engine', expected: 'a running engine', got: `it ended with code ${code}` })),
    );
  }

  ask<K extends Request['kind']>(request: Extract<Request, { kind: K }>): Promise<Answers[K]> {
    if (this.#dead) return Promise.reject(this.#dead);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ id, request });
    });
  }

  /** Lets something go; with the engine gone, it is gone as well. */
  async release(request: Extract<Request, { kind: 'closeProgram' | 'closeStore' }>): Promise<void> {
    await this.ask(request).catch((error: unknown) => {
      if (error !== this.#dead) throw error;
    });
  }

  /** Ends the engine's thread. */
  async close(): Promise<void> {
    this.#closing ??= new EngineError({ where: 'engine', expected: 'an open engine', got: 'one that was closed' });
    await this.ask({ kind: 'close' }).catch(() => undefined);
    this.#fail(this.#closing);
    await this.#worker.terminate();
  }

  #fail(error: Error): void {
    // The cause, not the exit that follows it.
    this.#dead ??= error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}
