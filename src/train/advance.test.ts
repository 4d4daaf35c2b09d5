import { expect, it } from 'vitest';
import { countEvaluation, endEpoch } from './advance.ts';
import type { Evaluation } from './evaluation-sums.ts';
import { initialProgress, isOutOfPatience } from './progress.ts';

it('takes of equal accuracies the lower loss for the best; patience counts from the accuracy', () => {
  const progress = initialProgress();
  const run = (accuracy: number, loss: number) => {
    Object.assign(progress, { step: progress.step + 1, epochImages: 8, windowImages: 8, windowSeconds: 1 });
    countEvaluation(progress, { accuracy, loss, top5Accuracy: 1 } as Evaluation);
    endEpoch(progress);
    return progress.best;
  };
  expect(run(0.8, 1)).toMatchObject({ epoch: 1, testAccuracy: 0.8 });
  expect(run(0.9, 0.5)).toMatchObject({ epoch: 2 });
  expect(run(0.85, 0.1)).toMatchObject({ epoch: 2 });
  expect(run(0.9, 0.6)).toMatchObject({ epoch: 2 });
  expect(run(0.9, 0.4)).toMatchObject({ epoch: 5, since: 2 });
  expect([isOutOfPatience(progress, 3), isOutOfPatience(progress, 4)]).toEqual([true, false]);
  expect(run(0.9, 0.3)).toMatchObject({ epoch: 6, since: 2 });
  const higher = run(0.95, 9);
  expect(higher).toMatchObject({ epoch: 7 });
  expect(higher).not.toHaveProperty('since');
});
