import { formatRate, lrCsv, lrCurveSvg } from '../report/lr-curve.ts';
import { renderPng } from '../report/render.ts';
import { createRunFolder, runFiles } from '../report/run-folder.ts';
import type { Splits } from '../train/data-sets.ts';
import { findRate } from '../train/lr-find.ts';
import type { Recipe } from '../train/recipe.ts';
import { toldOf, writerIn } from './run-files.ts';

/** `--lr-find`: tries learning rates, writes what was found and says it. */
export async function findLearningRate({
  recipe,
  splits,
  runName,
  json,
  signal,
}: {
  recipe: Recipe;
  splits: Splits;
  runName: string;
  json?: boolean;
  signal: AbortSignal;
}): Promise<void> {
  const finding = await findRate({ recipe, trainSet: splits.train, signal });
  if (signal.aborted) {
    const { length: tried } = finding.trials;
    console.log(
      json ? JSON.stringify({ event: 'interrupted', tried }) : `Stopped after ${tried} learning rates: nothing is suggested or written.`,
    );
    return;
  }
  const runFolder = await createRunFolder(runName, { root: recipe.out });
  const write = writerIn(runFolder);
  await write(runFiles.lrFindCsv, lrCsv(finding));
  await write(runFiles.lrFindPng, await renderPng(lrCurveSvg(finding, toldOf(recipe).replace(/, learning rate [^,]+/, ''))));
  const { suggestion, trials } = finding;
  if (json) console.log(JSON.stringify({ event: 'lr-find', runFolder, suggestion: suggestion ?? null, tried: trials.length }));
  else {
    const { length } = trials;
    console.log(`Tried ${length} learning rates; nothing was trained. In ${runFolder}: ${runFiles.lrFindPng}, ${runFiles.lrFindCsv}`);
    console.log(suggestion === undefined ? 'The loss never falls: no suggestion.' : `Suggested: --lr ${formatRate(suggestion)}`);
  }
}
