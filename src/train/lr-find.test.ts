import { describe, expect, it } from 'vitest';
import { scalar } from '../core/ndarray.ts';
import type { Engine, Feeds } from '../engine/engine.ts';
import { LocalEngine } from '../engine/local.ts';
import { createReferenceBackend } from '../engine/reference/backend.ts';
import { defineModel, stage } from '../models/registry.ts';
import { Linear } from '../nn/layers.ts';
import { findRate, ratesBetween } from './lr-find.ts';
import { points, Tiny } from './points.fixture.ts';
import { completeRecipe } from './recipe.ts';

defineModel({
  name: 'tiny-plane',
  doc: 'Two linear layers.',
  inputShape: [1, 2, 2],
  head: ['out'],
  stages: [stage('hidden'), stage('out')],
  create: ({ classes }) => Object.assign(new Tiny(), { out: new Linear(8, classes) }),
});

/** An engine whose runs answer with these losses, and what they were fed. */
function scripted(losses: readonly number[]): { engine: Engine; fed: Feeds[] } {
  const engine = new LocalEngine(createReferenceBackend());
  const fed: Feeds[] = [];
  const compile = engine.compile.bind(engine);
  engine.compile = async (graph, store) => {
    const program = await compile(graph, store);
    program.run = async (feeds) => ({ loss: scalar(losses[fed.push(feeds) - 1]) });
    return program;
  };
  return { engine, fed };
}

const recipe = completeRecipe({ model: 'tiny-plane', batchSize: 8, lr: 0.5, backboneLr: 0.05 });
const search = (losses: readonly number[], count: number, more = {}) => {
  const { engine, fed } = scripted(losses);
  return findRate({ recipe, trainSet: points('train', 40), engine, count, lowest: 1e-4, highest: 1, ...more }).then((finding) => ({
    ...finding,
    fed,
  }));
};

describe('findRate', () => {
  it('takes a step at every rate, the backbone’s in its ratio to the head’s', async () => {
    const { trials, fed } = await search([3, 3, 3, 3, 3, 3, 3], 7);
    expect(trials.map(({ lr }) => lr)).toEqual(ratesBetween(1e-4, 1, 7));
    for (const [i, { lr, 'lr.backbone': backbone }] of fed.entries()) {
      expect(lr.data[0]).toBeCloseTo(trials[i].lr, 6);
      expect(backbone.data[0]).toBeCloseTo(trials[i].lr / 10, 7);
    }
  });

  it('smooths losses from the first on: a constant one stays, each new one weighs a tenth', async () => {
    const { trials } = await search([2, 2, 4], 3);
    expect(trials[0].smoothed).toBeCloseTo(2, 12);
    expect(trials[1].smoothed).toBeCloseTo(2, 12);
    expect(trials[2].smoothed).toBeCloseTo((0.1 * (4 + 0.9 * 2 + 0.81 * 2)) / (1 - 0.9 ** 3), 12);
  });

  it('ends where the mean is above four times its lowest, or a loss is not finite', async () => {
    const high = await search([1, 1, 5, 50, 1, 1], 6);
    expect(high.trials).toHaveLength(4);
    expect((await search([1, 1, Number.NaN, 1], 4)).trials).toHaveLength(2);
  });

  it('ends at its signal', async () => {
    const controller = new AbortController();
    const onTrial = (trials: readonly unknown[]) => trials.length === 2 && controller.abort();
    expect((await search([3, 2, 1, 1], 4, { signal: controller.signal, onTrial })).trials).toHaveLength(2);
  });
});
