import type { Program } from './engine.ts';

/** Programs by the number of rows, planned when they are first needed. */
export class ProgramsBySize {
  readonly #plan: (n: number) => Promise<Program>;
  readonly #planned = new Map<number, Promise<Program>>();

  constructor(plan: (n: number) => Promise<Program>) {
    this.#plan = plan;
  }

  of(n: number): Promise<Program> {
    const known = this.#planned.get(n) ?? this.#plan(n);
    this.#planned.set(n, known);
    return known;
  }

  /** Closes those that could be planned: the others have said why they could not. */
  async close(): Promise<void> {
    const planned = await Promise.allSettled(this.#planned.values());
    this.#planned.clear();
    for (const one of planned) if (one.status === 'fulfilled') await one.value.close();
  }
}
