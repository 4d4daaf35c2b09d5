import { learningRateInput, stepInput } from '../optim/attach.ts';
import { learningRate } from '../optim/schedules.ts';
import type { Learner } from './learner.ts';
import { type Recipe, scheduleOf } from './recipe.ts';

/** Learning-rate groups beside the head's: layers that train from the first epoch, and those that join later. */
const groups = { backbone: 'backbone', thawed: 'thawed' } as const;

/** A stretch of a run in which the same parameters train. */
export interface Phase {
  readonly trains: (path: string) => boolean;
  /** Whether a number, parameter or statistic, can change from one evaluation to the next. */
  readonly changes: (path: string) => boolean;
  readonly group: (path: string) => string | undefined;
}

const isStatistic = (path: string): boolean => /\.running_(mean|var)$/.test(path);

/** The phases of a run: one, or two if frozen layers join later. */
export function phasesOf(recipe: Recipe, { trains, isHead }: Learner): readonly Phase[] {
  const { frozenBn, backboneLr, unfreezeEpoch } = recipe;
  const changes = (path: string) => trains(path) || (frozenBn === 'train' && isStatistic(path));
  const isGrouped = unfreezeEpoch !== undefined || (backboneLr !== undefined && backboneLr !== recipe.lr);
  const group = (path: string) => (!isGrouped || isHead(path) ? undefined : trains(path) ? groups.backbone : groups.thawed);
  const first = { trains, changes, group };
  return unfreezeEpoch === undefined ? [first] : [first, { trains: () => true, changes: () => true, group }];
}

/** Which phase an epoch, from 0, belongs to. */
export const phaseAt = ({ unfreezeEpoch }: Recipe, epoch: number): number =>
  unfreezeEpoch !== undefined && epoch + 1 >= unfreezeEpoch ? 1 : 0;

/** Learning rates and step counts of all groups for the step after `step` steps, by the names of the program's inputs. */
export function ratesAt(
  recipe: Recipe,
  { epoch, step, stepsPerEpoch }: { epoch: number; step: number; stepsPerEpoch: number },
  factor: number,
) {
  const { lr, backboneLr = lr, unfreezeEpoch = 1, epochs } = recipe;
  const place = { epoch, step, stepsPerEpoch, epochs };
  const rate = (base: number) => factor * learningRate(scheduleOf(recipe), base, place);
  return {
    [learningRateInput()]: rate(lr),
    [stepInput()]: step + 1,
    [learningRateInput(groups.backbone)]: rate(backboneLr),
    [stepInput(groups.backbone)]: step + 1,
    [learningRateInput(groups.thawed)]: rate(backboneLr),
    [stepInput(groups.thawed)]: step + 1 - (unfreezeEpoch - 1) * stepsPerEpoch,
  };
}
