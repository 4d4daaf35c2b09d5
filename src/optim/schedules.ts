import { UsageError } from '../core/errors.ts';
import { unknownKind } from './kinds.ts';

/** How the learning rate moves, as plain data. */
export type ScheduleSpec =
  | { readonly kind: 'constant' }
  /** Times `gamma` (default 0.1) every `stepSizeEpochs`. */
  | { readonly kind: 'step'; readonly stepSizeEpochs: number; readonly gamma?: number }
  /** Half a cosine from the base rate to `minLr` (default 0) over `totalEpochs` (default: all), a new rate every epoch (default) or step. */
  | { readonly kind: 'cosine'; readonly totalEpochs?: number; readonly minLr?: number; readonly every?: 'epoch' | 'step' }
  /** The rate of `schedule`, times a factor that rises evenly from `startFactor` (default 1/3) to 1 over the first `warmupSteps`. */
  | { readonly kind: 'warmup'; readonly warmupSteps: number; readonly startFactor?: number; readonly schedule: ScheduleSpec };

/** Where a training run stands, counted from 0. */
export interface Progress {
  readonly epoch: number;
  /** Steps done since the start of training. */
  readonly step: number;
  readonly stepsPerEpoch: number;
  /** Epochs in all. */
  readonly epochs: number;
}

/** `gamma^⌊epoch / stepSize⌋`: `torch.optim.lr_scheduler.StepLR`, stepped once an epoch. */
export const stepFactor = (epoch: number, stepSizeEpochs: number, gamma: number): number => gamma ** Math.floor(epoch / stepSizeEpochs);

/** `(1 + cos(π·epoch/total)) / 2`: `CosineAnnealingLR` with `eta_min` 0; stays at its end where PyTorch would rise again. */
export const cosineFactor = (epoch: number, total: number): number => (1 + Math.cos((Math.PI * Math.min(epoch, total)) / total)) / 2;

/** `start + (1 − start)·min(step, steps)/steps`: `LinearLR` with `end_factor` 1. */
export const warmupFactor = (step: number, warmupSteps: number, startFactor: number): number =>
  startFactor + (1 - startFactor) * (Math.min(step, warmupSteps) / warmupSteps);

type Rule<K extends ScheduleSpec['kind']> = (spec: Extract<ScheduleSpec, { kind: K }>, baseLr: number, progress: Progress) => number;

const rules: { readonly [K in ScheduleSpec['kind']]: Rule<K> } = {
  constant: (_, baseLr) => baseLr,
  step: ({ stepSizeEpochs, gamma = 0.1 }, baseLr, { epoch }) =>
    baseLr * stepFactor(epoch, positive('stepSizeEpochs', stepSizeEpochs), gamma),
  cosine: ({ totalEpochs, minLr = 0, every }, baseLr, { epoch, step, stepsPerEpoch, epochs }) => {
    const total = positive('totalEpochs', totalEpochs ?? epochs);
    return minLr + (baseLr - minLr) * cosineFactor(every === 'step' ? step / stepsPerEpoch : epoch, total);
  },
  warmup: ({ warmupSteps, startFactor = 1 / 3, schedule }, baseLr, progress) =>
    warmupFactor(progress.step, positive('warmupSteps', warmupSteps), startFactor) * learningRate(schedule, baseLr, progress),
};

/**
 * Learning rate of the step that comes next: a pure function of where training stands, so a resumed run needs no state.
 *
 * - `spec` the schedule
 * - `baseLr` the rate that the schedule scales
 * - `progress` epoch and step from 0
 *
 * **Throws** `UsageError` for an unknown kind, with the nearest, and for lengths that are not above 0.
 *
 * **Source**: `torch.optim.lr_scheduler` `StepLR`, `CosineAnnealingLR`, `LinearLR`; a warm-up multiplies, as `ChainedScheduler` does.
 *
 * @example learningRate({ kind: 'step', stepSizeEpochs: 4, gamma: 0.1 }, 1e-3, { epoch: 4, step: 3752, stepsPerEpoch: 938, epochs: 10 }) // 1e-4
 */
export function learningRate(spec: ScheduleSpec, baseLr: number, progress: Progress): number {
  if (!Object.hasOwn(rules, spec.kind)) throw unknownKind('schedule', spec.kind, Object.keys(rules));
  return rules[spec.kind](spec as never, baseLr, progress);
}

function positive(name: string, value: number): number {
  if (!(value > 0)) throw new UsageError({ where: 'schedule', expected: `${name} above 0`, got: `${value}` });
  return value;
}
