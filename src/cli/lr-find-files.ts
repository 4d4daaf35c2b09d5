import { formatRate, lrCsv, lrCurveSvg } from '../report/lr-curve.ts';
import { renderPng } from '../report/render.ts';
import { checkRunName, runFiles } from '../report/run-folder.ts';
import type { Splits } from '../train/data-sets.ts';
import { findRate, usualTrials } from '../train/lr-find.ts';
import type { Recipe } from '../train/recipe.ts';
import { createInterrupt } from './interrupt.ts';
import { inOwnFolder } from './own-run-folder.ts';
import { printLines } from './print.ts';
import { withBar } from './progress-bar.ts';
import { fileList, type ReportFile, toldOf, writerIn } from './run-files.ts';

/**
 * `--lr-find`: tries learning rates, says what was found and writes it. Returns the status to exit with.
 *
 * - `runName` of the run that is to come; the folder has `-lr` behind it
 */
export async function findLearningRate({
  recipe,
  splits: { train: trainSet, report },
  runName,
  json,
}: {
  recipe: Recipe;
  splits: Splits;
  runName: string;
  json?: boolean;
}): Promise<number> {
  checkRunName(runName);
  let tried = 0;
  const say = (line: string) => json || printLines([line]);
  const interrupt = createInterrupt(() => say('Stopping. Ctrl-C again ends at once.'));
  interrupt.listen();
  for (const line of report?.lines ?? []) say(line);
  await inOwnFolder(`${runName}-lr`, recipe.out, async (runFolder) => {
    const { signal } = interrupt;
    const finding = await withBar(`downloading the weights of ${recipe.model}`, ({ onDownload, stop }) =>
      withBar('trying learning rates', ({ onProgress }) => {
        const onTrial = ({ length }: readonly unknown[]) => {
          stop();
          tried = length;
          onProgress(tried, usualTrials);
        };
        return findRate({ recipe, trainSet, onDownload, onTrial, signal });
      }),
    ).catch((error: unknown) => {
      if (error !== signal.reason) throw error;
    });
    if (!finding || signal.aborted) {
      say(`Stopped after ${tried} learning rates: nothing is suggested or written.`);
      if (json) console.log(JSON.stringify({ event: 'interrupted', tried }));
      return;
    }
    interrupt.release();
    const { suggestion } = finding;
    // What was found, before a disk may refuse it.
    if (json) console.log(JSON.stringify({ event: 'lr-find', runFolder, suggestion: suggestion ?? null, tried }));
    say(`Tried ${tried} learning rates; nothing was trained.`);
    say(suggestion === undefined ? 'The loss never falls: no suggestion.' : `Suggested: --lr ${formatRate(suggestion)}`);
    const files: ReportFile[] = [];
    const write = writerIn(runFolder, files);
    await write(runFiles.lrFindCsv, lrCsv(finding), 'every learning rate and its loss');
    const curve = lrCurveSvg(finding, toldOf(recipe, ['data', 'optimizer', 'batchSize']));
    await write(runFiles.lrFindPng, await renderPng(curve), 'the same as a picture');
    for (const line of fileList(runFolder, files)) say(line);
  }).finally(interrupt.release);
  return interrupt.status;
}
