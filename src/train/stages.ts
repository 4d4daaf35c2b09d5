import { Evaluator } from './evaluator.ts';
import type { Phase } from './phases.ts';
import { type RunnerOptions, StepRunner } from './step-runner.ts';
import type { TrainOptions } from './train-options.ts';

/** What plans and runs, for as long as the same parameters train. */
interface Stage {
  readonly phase: number;
  readonly runner: StepRunner;
  readonly evaluator: Evaluator;
}

type StageParts = Omit<RunnerOptions, 'note' | 'onPrepare'> & Pick<TrainOptions, 'testSet' | 'onNote' | 'onPrepare'>;

/** The stages of a run, one after the other: of two, only one's programs take memory. */
export class Stages {
  readonly #parts: StageParts;
  readonly #phases: readonly Phase[];
  #stage: Stage | undefined;

  constructor(parts: StageParts, phases: readonly Phase[]) {
    this.#parts = parts;
    this.#phases = phases;
  }

  get runner(): StepRunner {
    return this.#stage!.runner;
  }

  get evaluator(): Evaluator {
    return this.#stage!.evaluator;
  }

  /** Plans the programs of a phase, unless they are there. */
  async enter(phase: number, epoch: number): Promise<void> {
    if (this.#stage?.phase === phase) return;
    const { testSet, onNote, onPrepare, ...parts } = this.#parts;
    if (this.#stage) onNote?.(`epoch ${epoch + 1}: all layers train from here on`);
    await this.close();
    const { module, engine, store, loader } = parts;
    const runner = await StepRunner.open({ ...parts, note: onNote, onPrepare }, this.#phases[phase]);
    try {
      const { changes } = this.#phases[phase];
      const evaluator = await Evaluator.create({ module, dataset: testSet, engine, store, loader, changes });
      this.#stage = { phase, runner, evaluator };
    } catch (error) {
      await runner.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const stage = this.#stage;
    this.#stage = undefined;
    await stage?.runner.close();
    await stage?.evaluator.close();
  }
}
