import type { Program } from '../engine/engine.ts';

/** Programs by the number of rows, planned when they are first needed. */
export class ProgramsBySize {
  readonly #plan: (n: number) => Promise<Program>;
  readonly #known = new Map<number, Promise<Program>>();

  constructor(plan: (n: number) => Promise<Program>) {
    this.#plan = plan;
  }

  of(n: number): Promise<Program> {
    const known = this.#known.get(n) ?? this.#plan(n);
    this.#known.set(n, known);
    return known;
  }

  async close(): Promise<void> {
    for (const program of this.#known.values()) await (await program).close();
  }
}
