import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { DataError } from '../../core/errors.ts';
import { fromFailure } from '../../engine/threaded/protocol.ts';
import type { PictureFiles } from '../dataset.ts';
import { Filler, type FillJob, type FillReport } from './fill.ts';
import type { Reply, Request } from './protocol.ts';

/** Those who fill slots: worker threads, or this thread alone. */
export interface Crew {
  /** Fills a slot with the samples of a source; jobs are taken up in order. */
  fill(source: PictureFiles, job: FillJob): Promise<FillReport>;
  /** Ends the crew; what it has under way ends after the picture it is at. */
  close(): Promise<void>;
}

/** Fills slots in this thread, which sees to its other events after each picture. */
export class LocalCrew implements Crew {
  readonly #fillers = new Map<PictureFiles, Filler>();
  #queue: Promise<unknown> = Promise.resolve();

  fill(source: PictureFiles, job: FillJob): Promise<FillReport> {
    const filler = this.#fillers.get(source) ?? new Filler(source);
    this.#fillers.set(source, filler);
    const report = this.#queue.then(() => filler.fill(job, () => setImmediate()));
    this.#queue = report.catch(() => undefined);
    return report;
  }

  async close(): Promise<void> {
    await this.#queue;
  }
}

/** A worker cannot load TypeScript on every Node we support: from source, the built file serves. */
const workerFile = (): URL =>
  new URL(import.meta.url.endsWith('.ts') ? '../../../dist/data/loader/worker.js' : './worker.js', import.meta.url);

interface Pending {
  resolve: (report: FillReport) => void;
  reject: (error: Error) => void;
}

/** One worker thread and what it owes. It keeps the process alive only while it works. */
class Member {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #exit: Promise<void>;
  /** Sources and slots that the worker knows, by number: they are sent once. */
  readonly #known = new Map<PictureFiles | SharedArrayBuffer, number>();
  #jobs = 0;
  #dead?: Error;
  #closing = false;

  constructor(file: URL) {
    // The flags of this process (--eval and its kind) may mean nothing to a worker.
    this.#worker = new Worker(file, { execArgv: [] });
    this.#worker.unref();
    this.#exit = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
    this.#worker.on('message', (reply: Reply) => this.#settle(reply));
    this.#worker.on('error', (error) => this.#fail(error.message));
    this.#worker.on('exit', (code) => this.#fail(this.#closing ? 'it is closed' : `it ended with code ${code}`));
  }

  fill(source: PictureFiles, { slot, ...job }: FillJob): Promise<FillReport> {
    if (this.#dead) return Promise.reject(this.#dead);
    const id = this.#jobs++;
    const request: Request = { kind: 'fill', id, ...job, source: this.#introduce(source), slot: this.#introduce(slot) };
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.ref();
      this.#worker.postMessage(request);
    });
  }

  async close(): Promise<void> {
    this.#closing = true;
    if (!this.#dead) {
      this.#worker.ref();
      this.#worker.postMessage({ kind: 'close' } satisfies Request);
    }
    await this.#exit;
  }

  #introduce(thing: PictureFiles | SharedArrayBuffer): number {
    const known = this.#known.get(thing);
    if (known !== undefined) return known;
    const number = this.#known.size;
    this.#known.set(thing, number);
    this.#worker.postMessage({ kind: 'know', number, thing } satisfies Request);
    return number;
  }

  #settle(reply: Reply): void {
    const pending = this.#pending.get(reply.id)!;
    this.#pending.delete(reply.id);
    if (this.#pending.size === 0 && !this.#closing) this.#worker.unref();
    if ('error' in reply) pending.reject(fromFailure(reply.error));
    else pending.resolve(reply.report);
  }

  #fail(got: string): void {
    this.#dead ??= new DataError({
      where: 'loader',
      expected: 'a running worker',
      got,
      hint: 'Use fewer workers, or none (0), if memory ran out',
    });
    for (const { reject } of this.#pending.values()) reject(this.#dead);
    this.#pending.clear();
  }
}

/** Fills slots in worker threads, all of them on the same slot. They start with the first job. */
export class ThreadedCrew implements Crew {
  readonly #workers: number;
  readonly #file: URL;
  #members: Member[] = [];

  constructor(workers: number, file = workerFile()) {
    this.#workers = workers;
    this.#file = file;
  }

  async fill(source: PictureFiles, job: FillJob): Promise<FillReport> {
    if (this.#members.length === 0) this.#members = Array.from({ length: this.#workers }, () => new Member(this.#file));
    const ends = await Promise.allSettled(this.#members.map((member) => member.fill(source, job)));
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
    const reports = ends.map((end) => (end as PromiseFulfilledResult<FillReport>).value);
    return { replaced: reports.flatMap((r) => r.replaced), broken: reports.flatMap((r) => r.broken) };
  }

  async close(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.close()));
  }
}
