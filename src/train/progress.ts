import { z } from 'zod';

const whole = z.int().min(0);
const rate = z.number().min(0).max(1);

/** What one evaluation found: a row of `results.csv`. */
export const historyRowSchema = z.object({
  /** From 1. */
  epoch: z.int().min(1),
  /** Steps since the start of training. */
  step: whole,
  /** Training images seen in this epoch. */
  images: whole,
  /** Mean training loss per image since the last evaluation. */
  loss: z.number(),
  /** Share of this epoch's training images so far that were right, each judged before its step. */
  trainAccuracy: rate,
  /** Share of them whose target was among the five highest scores. */
  trainTop5Accuracy: rate.optional(),
  testLoss: z.number(),
  testAccuracy: rate,
  testTop5Accuracy: rate.optional(),
  /** Learning rate of the last step. */
  lr: z.number(),
  /** Time spent so far, evaluations included. */
  seconds: z.number(),
  /** Speed of the steps since the last evaluation. */
  imagesPerSecond: z.number(),
});
export type HistoryRow = Readonly<z.infer<typeof historyRowSchema>>;

/** Where a run stands, to the step: with the weights and the recipe, all that the steps after it depend on. */
export const progressSchema = z.object({
  /** The epoch under way, from 0; the number of epochs once all are done. */
  epoch: whole,
  /** Batches done in it. */
  batch: whole,
  step: whole,
  /** Sums over this epoch. */
  epochImages: whole,
  epochCorrect: whole,
  /** Images whose target was among the five highest scores. */
  epochNear: whole.optional(),
  /** Sums since the last evaluation. */
  windowImages: whole,
  windowLoss: z.number(),
  windowSeconds: z.number(),
  lr: z.number(),
  seconds: z.number(),
  /** Time of the steps alone. */
  trainSeconds: z.number(),
  best: z
    .object({
      epoch: whole,
      step: whole,
      testAccuracy: rate,
      testLoss: z.number().optional(),
      /** The epoch in which that accuracy was first reached: patience counts from there. */
      since: whole.optional(),
    })
    .nullable(),
  history: z.array(historyRowSchema),
});
export type Progress = z.infer<typeof progressSchema>;

export const initialProgress = (): Progress => ({
  epoch: 0,
  batch: 0,
  step: 0,
  epochImages: 0,
  epochCorrect: 0,
  epochNear: 0,
  windowImages: 0,
  windowLoss: 0,
  windowSeconds: 0,
  lr: 0,
  seconds: 0,
  trainSeconds: 0,
  best: null,
  history: [],
});

/** Whether the last `patience` epochs brought no higher accuracy. */
export const isOutOfPatience = ({ epoch, batch, best }: Progress, patience = Number.POSITIVE_INFINITY): boolean =>
  batch === 0 && best !== null && epoch - (best.since ?? best.epoch) >= patience;

/** Whether nothing is left to train of a run: all epochs are done, or patience is at its end. */
export const isRunOver = (progress: Progress, { epochs, patience }: { epochs: number; patience?: number }): boolean =>
  progress.epoch >= epochs || isOutOfPatience(progress, patience);
