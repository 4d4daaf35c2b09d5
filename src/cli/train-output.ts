import path from 'node:path';
import type { Dataset } from '../data/dataset.ts';
import type { EngineInfo } from '../engine/engine.ts';
import type { Parameter } from '../nn/module.ts';
import { isBetter } from '../train/advance.ts';
import type { HistoryRow, Progress } from '../train/progress.ts';
import type { Recipe } from '../train/recipe.ts';
import type { StepEvent, TrainResult } from '../train/train-options.ts';
import { openDisplay } from './display.ts';
import { counted, duration, engineName, evaluationLine, percent } from './format.ts';
import { describeTransfer, paramsToLearn, phaseLines } from './picture-text.ts';
import { printLines } from './print.ts';
import { fileList, type ReportFile } from './run-files.ts';

export interface RunStart {
  recipe: Recipe;
  engine: EngineInfo;
  runFolder: string;
  trainSet: Dataset;
  testSet: Dataset;
  /** State-dict keys of what trains. */
  trainedKeys: readonly string[];
  parameters: ReadonlyMap<string, Parameter>;
  /** What an earlier run has done, and on which engine if there was one. */
  progress: Progress;
  engineBefore?: Pick<EngineInfo, 'name' | 'version' | 'isa' | 'threads'>;
}

/** What a training run says, as text or as JSON. */
export interface TrainOutput {
  /** Lines for people alone. */
  say(lines: readonly string[]): void;
  start(start: RunStart): void;
  prepare(done: number, total: number): void;
  step(step: StepEvent): void;
  evaluation(row: HistoryRow): void;
  /** `isOver`: nothing is left to train, and all of it is saved. */
  interrupting(isOver: boolean): void;
  interrupted(result: TrainResult): void;
  note(text: string): void;
  /** What to end with: the files that the run left, or the whole text. */
  end(result: TrainResult, told: { files?: readonly ReportFile[]; text?: readonly string[] }): void;
  /** Ends what is still being drawn; safe to call twice. */
  close(): void;
}

/** One JSON object a line, `event` first. */
export function jsonOutput(): TrainOutput {
  const print = (event: string, fields: object) => console.log(JSON.stringify({ event, ...fields }));
  const summary = ({ runFolder, engineInfo: engine, progress, evaluation }: TrainResult) => {
    const { history, step, best, seconds, trainSeconds } = progress;
    const last = history.at(-1);
    // Of the weights that the run ends with, which may be those of an earlier evaluation.
    const testAccuracy = evaluation?.accuracy ?? last?.testAccuracy ?? null;
    const testLoss = evaluation?.loss ?? last?.testLoss ?? null;
    return { runFolder, engine, step, testAccuracy, testLoss, best, seconds, trainSeconds };
  };
  return {
    start: ({ recipe, engine, runFolder, trainSet, testSet, progress: { step } }) =>
      print('start', { runFolder, recipe, engine, trainImages: trainSet.length, testImages: testSet.length, step }),
    say: () => {},
    prepare: () => {},
    step: () => {},
    evaluation: (row) => print('evaluation', row),
    note: (text) => print('note', { text }),
    interrupting: () => {},
    interrupted: (result) => print('interrupted', summary(result)),
    end: (result) => print('end', summary(result)),
    close: () => {},
  };
}

/** What the optimizer is told beside its rate, where it is not as usual. */
const optimizerWords = ({ optimizer, momentum, nesterov, weightDecay, maxGradNorm, labelSmoothing, balance }: Recipe): string =>
  [
    optimizer + (momentum > 0 ? ` with ${nesterov ? 'Nesterov’s momentum' : 'momentum'} ${momentum}` : ''),
    ...(weightDecay ? [`weight decay ${weightDecay}`] : []),
    ...(maxGradNorm ? [`gradients up to ${maxGradNorm}`] : []),
    ...(labelSmoothing ? [`labels smoothed by ${labelSmoothing}`] : []),
    ...(balance ? ['classes balanced'] : []),
  ].join(', ');

function describe(start: RunStart): string[] {
  const { recipe, engine, engineBefore, runFolder, trainSet, testSet, progress, trainedKeys, parameters } = start;
  const { model, epochs, batchSize, lr, schedule, seed } = recipe;
  const { pictures } = trainSet;
  const [data, tested] = [path.basename(recipe.data), pictures ? 'validation' : 'test'];
  const rate = schedule === 'constant' ? `learning rate ${lr}` : `learning rate ${lr} (${schedule})`;
  return [
    `Training ${model} on ${data}: ${counted(trainSet.length, 'training image')}, ${counted(testSet.length, `${tested} image`)}`,
    `${counted(epochs, 'epoch')}, ${counted(batchSize, 'image')} a step, ${optimizerWords(recipe)}, ${rate}, seed ${seed}`,
    ...(pictures ? [...describeTransfer(recipe), ...paramsToLearn(trainedKeys, parameters)] : []),
    `Engine: ${engineName(engine)}`,
    ...(engine.note ? [`oneDNN was not found, so this will be slow. \`npx fovea doctor\` says what was tried and how to get it.`] : []),
    ...(engineBefore && engineName(engineBefore) !== engineName(engine)
      ? [`Before it was ${engineName(engineBefore)}: the last digits of what follows may differ from a run on that alone.`]
      : []),
    `Run folder: ${runFolder}${progress.step > 0 ? `, going on after step ${progress.step}` : ''}`,
    '',
  ];
}

function summarise(
  { progress, evaluation, recipe }: TrainResult,
  { runFolder, trainSet, testSet }: RunStart,
  files: readonly ReportFile[],
) {
  const { best, seconds, trainSeconds, epoch } = progress;
  const right = Math.round(evaluation!.accuracy * testSet.length);
  const speed = Math.round((trainSet.length * epoch) / trainSeconds);
  return [
    '',
    ...(epoch < recipe.epochs
      ? [`Ended with epoch ${epoch} of ${recipe.epochs}: no higher accuracy for --patience ${recipe.patience}`]
      : []),
    `Test accuracy ${percent(evaluation!.accuracy)} (${right} of ${counted(testSet.length, 'image')} right)`,
    ...(best ? [`Best on the way ${percent(best.testAccuracy)}, epoch ${best.epoch}, step ${best.step}: kept as weights/best`] : []),
    `Time ${duration(seconds)}, of which training ${duration(trainSeconds)} (${speed} images/s)`,
    '',
    ...fileList(runFolder, files),
    '',
    `Try it on a picture of a digit: npx fovea predict <image> --weights ${runFolder}`,
  ];
}

/** Lines for people; on a terminal with a progress bar below them. */
export function textOutput(): TrainOutput {
  let begun: RunStart | undefined;
  let best: Progress['best'] = null;
  let secondsBefore = 0;
  let display = openDisplay(1, 1, 0, { live: false });
  return {
    start(start) {
      begun = start;
      best = start.progress.best;
      secondsBefore = start.progress.history.at(-1)?.seconds ?? 0;
      printLines(describe(start));
      const { recipe, trainSet, progress } = start;
      const imagesBefore = progress.epoch * trainSet.length + progress.epochImages;
      if (progress.epoch < recipe.epochs) display = openDisplay(recipe.epochs, trainSet.length, imagesBefore);
    },
    say(lines) {
      for (const line of lines) display.line(line);
    },
    prepare: (done, total) => display.prepare(done, total),
    step: ({ epoch, images, trainImages }) => display.advance((epoch - 1) * trainImages + images),
    evaluation(row) {
      const { recipe, trainSet } = begun!;
      const isBest = isBetter(row, best);
      if (isBest) best = row;
      const facts = { epochs: recipe.epochs, classes: trainSet.classes, isBest, secondsBefore };
      secondsBefore = row.seconds;
      const lines = recipe.evalEvery > 0 ? [evaluationLine(row, trainSet.length)] : phaseLines(row, facts);
      for (const line of lines) display.line(line);
    },
    note: (text) => display.line(text),
    interrupting: (isOver) =>
      display.line(
        isOver
          ? 'The training is over and saved; its report is still written. Ctrl-C again ends at once, without it.'
          : 'Stopping, then saving. Ctrl-C again ends at once, without saving.',
      ),
    interrupted({ progress, runFolder }) {
      display.end();
      printLines([`Stopped after step ${progress.step}; nothing is lost. To go on: npx fovea train --resume ${runFolder}`]);
    },
    end(result, { files = [], text = summarise(result, begun!, files) }) {
      display.end();
      printLines(text);
    },
    close: () => display.end(),
  };
}
