import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../core/errors.ts';
import { learningRate, type Progress, type ScheduleSpec } from './schedules.ts';

const golden = JSON.parse(readFileSync(new URL('../../test/golden/schedules.golden.json', import.meta.url), 'utf8'));
const at = (epoch: number): Progress => ({ epoch, step: epoch, stepsPerEpoch: 1, epochs: 10 });

const cases: [string, ScheduleSpec][] = [
  ['step', { kind: 'step', stepSizeEpochs: 3, gamma: 0.2 }],
  ['cosine', { kind: 'cosine' }],
  ['cosineMin', { kind: 'cosine', totalEpochs: 8, minLr: 0.01 }],
  ['warmup', { kind: 'warmup', warmupSteps: 4, startFactor: 0.25, schedule: { kind: 'constant' } }],
  ['warmupStep', { kind: 'warmup', warmupSteps: 4, startFactor: 0.25, schedule: { kind: 'step', stepSizeEpochs: 3, gamma: 0.5 } }],
];

describe('learningRate', () => {
  it.each(cases)('%s as in PyTorch', (name, spec) => {
    for (const [epoch, rate] of (golden[name] as number[]).entries())
      expect(learningRate(spec, golden.baseLr, at(epoch)), `epoch ${epoch}`).toBeCloseTo(rate, 9);
  });

  it('warms up by step, not by epoch', () => {
    const spec: ScheduleSpec = { kind: 'warmup', warmupSteps: 100, startFactor: 0, schedule: { kind: 'constant' } };
    expect(learningRate(spec, 1, { epoch: 0, step: 25, stepsPerEpoch: 1000, epochs: 3 })).toBeCloseTo(0.25, 12);
  });

  it('moves a cosine with every step if asked', () => {
    const progress = { epoch: 1, step: 15, stepsPerEpoch: 10, epochs: 3 };
    expect(learningRate({ kind: 'cosine', every: 'step' }, 1, progress)).toBeCloseTo(0.5, 12);
    expect(learningRate({ kind: 'cosine' }, 1, progress)).toBeCloseTo(0.75, 12);
  });

  it('stays at the end of a cosine', () => {
    expect(learningRate({ kind: 'cosine', totalEpochs: 5, minLr: 0.1 }, 1, at(9))).toBeCloseTo(0.1, 12);
  });

  it('refuses an unknown kind, also inside a warm-up', () => {
    const cosin = { kind: 'cosin' } as never;
    for (const spec of [cosin, { kind: 'warmup', warmupSteps: 2, schedule: cosin } as const]) {
      expect(() => learningRate(spec, 1, at(0))).toThrow(UsageError);
      expect(() => learningRate(spec, 1, at(0))).toThrow(
        '[schedule] expected a kind among constant, step, cosine, warmup, got "cosin". Did you mean \'cosine\'?',
      );
    }
    expect(() => learningRate({} as never, 1, at(0))).toThrow('got nothing.');
  });

  it('refuses lengths that are not above 0', () => {
    expect(() => learningRate({ kind: 'step', stepSizeEpochs: 0 }, 1, at(0))).toThrow('stepSizeEpochs above 0');
  });
});
