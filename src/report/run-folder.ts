import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from '../core/errors.ts';
import { makeFolder } from '../data/make-folder.ts';
import { asWriteError } from '../data/write-atomic.ts';

/** What a run folder shows, beside the weights that training keeps in it. */
export const runFiles = {
  args: 'args.json',
  results: 'results.csv',
  curvesPng: 'curves.png',
  curvesSvg: 'curves.svg',
  confusionMatrix: 'confusion_matrix.png',
  confusionMatrixNormalised: 'confusion_matrix_normalised.png',
  misclassified: 'misclassified.png',
  predictions: 'predictions.csv',
  trainBatch: 'train_batch.jpg',
  valPredictions: 'val_predictions.jpg',
  worstMistakes: 'worst_mistakes.jpg',
  perClass: 'per_class.csv',
  summary: 'summary.json',
  lrFindPng: 'lr_find.png',
  lrFindCsv: 'lr_find.csv',
} as const;

/** Refuses a name that no run folder may have. */
export function checkRunName(name: string): void {
  if (!/^[\p{L}\p{N}_-][\p{L}\p{N}._-]*$/u.test(name))
    throw new UsageError({ where: 'run name', expected: 'letters, digits, ".", "_" and "-", not "." first', got: JSON.stringify(name) });
}

/**
 * Makes a folder that no other run has: `runs/<name>`, else `runs/<name>2`, `runs/<name>3` …; two processes never get the same.
 *
 * - `name`: letters, digits, `.`, `_` and `-`.
 * - `root`: the folder of all runs, made if missing. Default `runs`.
 *
 * **Throws** `UsageError` for another name; `CheckpointError` if the folder cannot be made.
 *
 * @example const folder = await createRunFolder('mnist'); // 'runs/mnist2' the second time
 */
export async function createRunFolder(name: string, { root = 'runs' }: { root?: string } = {}): Promise<string> {
  checkRunName(name);
  await makeFolder(root).catch((error: unknown) => {
    throw asWriteError(root, error);
  });
  for (let number = 1; ; number++) {
    const folder = path.join(root, number === 1 ? name : `${name}${number}`);
    try {
      await mkdir(folder);
      return folder;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw asWriteError(folder, error);
    }
  }
}
