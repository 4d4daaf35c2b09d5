// A process that waits for orders, so that those who are compared can take turns: noise of the machine then hits them all.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = (file) => fileURLToPath(new URL(file, import.meta.url));

/** Each order is a line of JSON on the process's standard input; its answer is one on its output. The first line says that it is ready. */
export class Hired {
  #name;
  #process;
  #answers;

  constructor(program, file, ...args) {
    this.#name = [file, ...args].join(' ');
    this.#process = spawn(program, [...(program === process.execPath ? [] : ['-B']), here(file), ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#answers = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  /** The first line. */
  ready() {
    return this.#answer();
  }

  do(order) {
    this.#process.stdin.write(`${JSON.stringify(order)}\n`);
    return this.#answer();
  }

  dismiss() {
    this.#process.stdin.end();
  }

  async #answer() {
    const { value, done } = await this.#answers.next();
    if (done) throw new Error(`${this.#name} ended early`);
    return JSON.parse(value);
  }
}

/** The other side: answers orders one after the other until there are no more. */
export async function serve(handlers) {
  const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
  say({ ready: true });
  for await (const line of createInterface({ input: process.stdin })) {
    const { kind, ...order } = JSON.parse(line);
    say(await handlers[kind](order));
  }
}

/** Most memory this process has had resident so far, MiB; undefined where the system does not tell. */
export async function peakMiB() {
  const { readFile } = await import('node:fs/promises');
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const kib = /VmHWM:\s+(\d+)/.exec(status)?.[1];
  return kib && Number(kib) / 1024;
}
