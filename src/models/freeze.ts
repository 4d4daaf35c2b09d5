import { UsageError } from '../core/errors.ts';
import { didYouMean } from '../core/nearest.ts';
import { isBelow, type ModelSpec } from './registry.ts';

/** What does not train: `'none'`, `'backbone'` (all but the head), so many stages from the picture on, or all up to a stage's name. */
export type Freeze = 'none' | 'backbone' | number | (string & {});

/**
 * Which parameters train under a choice of what is frozen: a predicate on state-dict keys.
 *
 * - `freeze` `'none'`; `'backbone'`: only the model's `head` trains; a number from 0 to one below the number of stages; or a stage's name,
 *   which freezes that stage and all before it
 *
 * Buffers answer as the parameters of their layer do.
 *
 * **Throws** `UsageError` for an unknown name, with the nearest one, or if nothing would train.
 *
 * @example const trains = trainsUnder(findModel('resnet18'), 'layer3'); trains('layer4.0.conv1.weight') // true
 */
export function trainsUnder(spec: ModelSpec, freeze: Freeze): (path: string) => boolean {
  if (freeze === 'backbone') return (path) => isBelow(path, spec.head);
  const count = freeze === 'none' ? 0 : typeof freeze === 'number' ? freeze : stageNumber(spec, freeze);
  const last = spec.stages.length - 1;
  if (!Number.isInteger(count) || count < 0 || count > last)
    throw new UsageError({
      where: 'freeze',
      expected: `0 to ${last} stages of ${spec.name} (${spec.stages.map((s) => s.name).join(', ')})`,
      got: `${count}`,
      hint: count > last ? 'With all of them frozen nothing would train.' : undefined,
    });
  const frozen = spec.stages.slice(0, count).flatMap((s) => s.parts);
  return (path) => !isBelow(path, frozen);
}

function stageNumber(spec: ModelSpec, name: string): number {
  const names = spec.stages.map((s) => s.name);
  const index = names.indexOf(name);
  if (index >= 0) return index + 1;
  const known = ['none', 'backbone', ...names];
  throw new UsageError({
    where: 'freeze',
    expected: `${known.join(', ')} (stages of ${spec.name}) or a number of stages`,
    got: `'${name}'`,
    hint: didYouMean(name, known),
  });
}
