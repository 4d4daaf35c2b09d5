import type { Evaluation } from './evaluation-sums.ts';
import type { HistoryRow, Progress } from './progress.ts';

/** When a run evaluates. */
export interface Stops {
  /** Batches between two evaluations; 0: at the end of every epoch. */
  evalEvery: number;
  stepsPerEpoch: number;
}

/** Whether the images done since the last evaluation call for one. */
export function isEvaluationDue({ batch, step, history }: Progress, { evalEvery, stepsPerEpoch }: Stops): boolean {
  const isAtStop = batch > 0 && (batch === stepsPerEpoch || (evalEvery > 0 && batch % evalEvery === 0));
  return isAtStop && history.at(-1)?.step !== step;
}

/** Batch of this epoch after which the next evaluation is due: none before it if one is due now. */
export function nextStop(progress: Progress, stops: Stops): number {
  const { batch } = progress;
  const { evalEvery, stepsPerEpoch } = stops;
  if (isEvaluationDue(progress, stops)) return batch;
  return evalEvery > 0 ? Math.min((Math.floor(batch / evalEvery) + 1) * evalEvery, stepsPerEpoch) : stepsPerEpoch;
}

/** Counts a step that is done. */
export function countStep(progress: Progress, done: { loss: number; images: number; correct: number; near: number; lr: number }): void {
  progress.step++;
  progress.batch++;
  progress.epochImages += done.images;
  progress.epochCorrect += done.correct;
  // A run that was begun before these were counted goes on without them until its epoch is over.
  if (progress.epochNear !== undefined) progress.epochNear += done.near;
  progress.windowImages += done.images;
  progress.windowLoss += done.loss * done.images;
  progress.lr = done.lr;
}

/** Adds an evaluation to the history and begins to count anew. */
export function countEvaluation(progress: Progress, evaluation: Evaluation): HistoryRow {
  const row: HistoryRow = {
    epoch: progress.epoch + 1,
    step: progress.step,
    images: progress.epochImages,
    loss: progress.windowLoss / progress.windowImages,
    trainAccuracy: progress.epochCorrect / progress.epochImages,
    ...(progress.epochNear !== undefined && { trainTop5Accuracy: progress.epochNear / progress.epochImages }),
    testLoss: evaluation.loss,
    testAccuracy: evaluation.accuracy,
    testTop5Accuracy: evaluation.top5Accuracy,
    lr: progress.lr,
    seconds: progress.seconds,
    imagesPerSecond: progress.windowImages / progress.windowSeconds,
  };
  progress.history.push(row);
  Object.assign(progress, { windowImages: 0, windowLoss: 0, windowSeconds: 0 });
  const { best } = progress;
  if (!isBetter(row, best)) return row;
  const isTie = row.testAccuracy === best?.testAccuracy;
  progress.best = { ...bestOf(row), ...(isTie && { since: best.since ?? best.epoch }) };
  return row;
}

/** Whether an evaluation is better than the best before it: more right, or as many with a lower loss. */
export function isBetter({ testAccuracy, testLoss }: Pick<HistoryRow, 'testAccuracy' | 'testLoss'>, best: Progress['best']): boolean {
  if (!best || testAccuracy !== best.testAccuracy) return testAccuracy > (best?.testAccuracy ?? -1);
  return best.testLoss !== undefined && testLoss < best.testLoss;
}

const bestOf = ({ epoch, step, testAccuracy, testLoss }: HistoryRow): NonNullable<Progress['best']> => ({
  epoch,
  step,
  testAccuracy,
  testLoss,
});

/** Where the best weights are lost: takes those of now in their place if they were evaluated, else whatever is evaluated next. */
export function forgetBest(progress: Progress): void {
  const row = progress.history.at(-1);
  progress.best = row?.step === progress.step ? bestOf(row) : null;
}

export const endEpoch = (progress: Progress): void =>
  void Object.assign(progress, { epoch: progress.epoch + 1, batch: 0, epochImages: 0, epochCorrect: 0, epochNear: 0 });
