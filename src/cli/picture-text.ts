import { sizeOf } from '../core/shape.ts';
import { exact } from '../explain/summary-text.ts';
import type { Parameter } from '../nn/module.ts';
import { fontNote } from '../report/fonts.ts';
import type { HistoryRow } from '../train/progress.ts';
import type { Recipe } from '../train/recipe.ts';
import { duration, lossText, percent, tellsTop5 } from './format.ts';
import { pictureFiles, type Summary } from './picture-files.ts';
import { fileList } from './run-files.ts';

/** At most so many trained parameters are listed: a screen is to hold more than them. */
const mostKeys = 12;

/** What trains, as the course prints it, and how much of the network that is. */
export function paramsToLearn(keys: readonly string[], parameters: ReadonlyMap<string, Parameter>): string[] {
  const counted = (some: readonly Parameter[]) => exact(some.reduce((sum, { shape }) => sum + sizeOf(shape), 0));
  const all = [...parameters.values()].filter(({ trains }) => trains);
  const more = keys.length - mostKeys;
  return [
    'Params to learn:',
    ...keys.slice(0, mostKeys).map((key) => `\t${key}`),
    ...(more > 0 ? [`\t… and ${more} more`] : []),
    `${counted(keys.map((key) => parameters.get(key)!))} of ${counted(all)} numbers`,
  ];
}

/** What the network begins with and what of it trains. */
export function describeTransfer({ weights, freeze, unfreezeEpoch, backboneLr, transforms, fit, imageSize }: Recipe): string[] {
  const begins = weights === 'none' ? 'fresh weights' : `weights: ${weights}`;
  const frozen = freeze === 'none' ? 'nothing frozen' : `frozen: ${/^\d+$/.test(freeze) ? `the first ${freeze} stages` : freeze}`;
  const later = unfreezeEpoch === undefined ? '' : `, all layers train from epoch ${unfreezeEpoch}`;
  const rate = backboneLr === undefined ? '' : `, learning rate of the backbone ${backboneLr}`;
  const isBlind = weights === 'none' && freeze !== 'none' && unfreezeEpoch === undefined;
  return [
    `Begins with ${begins}; ${frozen}${later}${rate}`,
    ...(isBlind ? ['The frozen layers keep their random weights: --weights imagenet or a file begins with trained ones'] : []),
    `Transforms: ${transforms}, fit ${fit}${imageSize === undefined ? '' : `, ${imageSize} px`}`,
  ];
}

/** An epoch's two phases. */
export function phaseLines(
  row: HistoryRow,
  { epochs, classes, isBest, secondsBefore }: { epochs: number; classes: readonly string[]; isBest: boolean; secondsBefore: number },
): string[] {
  const { epoch, loss, trainAccuracy, testLoss, testAccuracy, lr, seconds, imagesPerSecond } = row;
  const top5 = (share: number | undefined) => (share === undefined || !tellsTop5(classes) ? '' : `  top-5 ${percent(share)}`);
  return [
    `epoch ${epoch}/${epochs}  learning rate ${Number(lr.toPrecision(3))}  ${duration(seconds - secondsBefore)}  (${duration(seconds)} in all)`,
    `  train  loss ${lossText(loss)}  accuracy ${percent(trainAccuracy)}${top5(row.trainTop5Accuracy)}  (${Math.round(imagesPerSecond)} images/s)`,
    `  val    loss ${lossText(testLoss)}  accuracy ${percent(testAccuracy)}${top5(row.testTop5Accuracy)}${isBest ? '  best so far' : ''}`,
  ];
}

const listed = (items: readonly string[], most: number): string[] => [
  ...items.slice(0, most).map((item) => `  ${item}`),
  ...(items.length > most ? [`  … and ${items.length - most} more`] : []),
];

/** The answers at the end of a run: how good, wrong on what, which pictures, how to use it. */
export function summaryLines(summary: Summary): string[] {
  const { accuracy, right, top5Accuracy, best, classes, confusions, mistakes, skipped, seconds, trainSeconds, imagesPerSecond } = summary;
  const counted = classes.reduce((sum, { support }) => sum + support, 0);
  const weak = classes.filter(({ f1, support }) => support > 0 && f1 < 1).sort((a, b) => a.f1 - b.f1);
  const top5 = tellsTop5(classes) ? `, top-5 ${percent(top5Accuracy)}` : '';
  return [
    '',
    `Validation accuracy ${percent(accuracy)} (${right} of ${counted} pictures right)${top5}: epoch ${best?.epoch}, kept as weights/best`,
    `Time ${duration(seconds)}, of which training ${duration(trainSeconds)} (${Math.round(imagesPerSecond)} images/s)`,
    ...(skipped.length ? [`Left out, as they cannot be read: ${skipped.length} validation pictures`, ...listed(skipped, 5)] : []),
    ...(weak.length
      ? [
          '',
          'Weakest classes:',
          ...listed(
            weak.map(({ name, f1, right, support, precision }) => {
              const others = precision > 0 ? Math.round(right / precision) - right : 0;
              return `${name}: F1 ${percent(f1)}, ${right} of ${support} right${others > 0 ? `, ${others} of other classes taken for it` : ''}`;
            }),
            5,
          ),
        ]
      : []),
    ...(confusions.length
      ? [
          'Confused most often:',
          ...listed(
            confusions.map(({ truth, guess, count }) => `${truth} taken for ${guess}: ${count === 1 ? 'once' : `${count} times`}`),
            5,
          ),
          'Surest mistakes:',
          ...listed(
            mistakes.map(({ file, truth, guess, probability }) => `${file}: ${guess} (${Math.round(100 * probability)}%), is ${truth}`),
            5,
          ),
        ]
      : ['', 'No validation picture was wrong.']),
  ];
}

/** What drawings call names that no font here can draw, after a run. */
export function fontLines(names: readonly string[], runFolder: string): string[] {
  const note = fontNote(names, `\`npx fovea train --resume ${runFolder}\``);
  return note.length ? ['', ...note] : [];
}

/** Where a run's files are, and how to use it. */
export const fileLines = (runFolder: string): string[] => [
  '',
  ...fileList(runFolder, pictureFiles),
  '',
  `Use it: npx fovea predict <pictures or folder> --model ${runFolder}`,
];
