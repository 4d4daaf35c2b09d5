import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../core/errors.ts';
import type { NdArray, StateDict } from '../core/ndarray.ts';
import { sizeOf } from '../core/shape.ts';
import { createModel, findModel, initializeModel, isBelow, listModels, trainsUnder } from './index.ts';

/** Weights of a model, each array filled with the number of its key. */
function weightsOf(name: string, classes: number): StateDict {
  const entries = [...createModel(name, { classes }).parameters()];
  return new Map(entries.map(([key, { shape }], i) => [key, { dtype: 'f32', shape, data: new Float32Array(sizeOf(shape)).fill(i) }]));
}
const renamed = (weights: StateDict, change: (key: string) => string): StateDict =>
  new Map([...weights].map(([key, array]) => [change(key), array]));

describe('stages and heads', () => {
  it.each(listModels().map((spec) => [spec.name, spec] as const))(
    '%s: each parameter is in one stage, in order; the head ends it',
    (_, spec) => {
      const keys = [...createModel(spec.name, { classes: 3 }).parameters().keys()];
      const stageOf = keys.map((key) => spec.stages.flatMap((s, i) => (isBelow(key, s.parts) ? [i] : [])));
      expect(stageOf.every((found) => found.length === 1)).toBe(true);
      expect(new Set(stageOf.flat()).size).toBe(spec.stages.length);
      const inOrder = stageOf.flat().filter((_, i) => !keys[i].startsWith('AuxLogits'));
      expect(inOrder).toEqual([...inOrder].sort((a, b) => a - b));
      for (const prefix of spec.head) expect(isBelow(prefix, spec.stages.at(-1)!.parts), prefix).toBe(true);
    },
  );

  it.each(listModels())('$name: only the head depends on the number of classes', ({ name, head }) => {
    const [few, many] = [3, 5].map((classes) => createModel(name, { classes }).parameters());
    const differing = [...few].filter(([key, { shape }]) => shape[0] !== many.get(key)!.shape[0]).map(([key]) => key);
    expect(differing).toEqual([...few.keys()].filter((key) => isBelow(key, head)));
    expect(differing.length).toBeGreaterThan(0);
  });
});

describe('freeze', () => {
  const resnet = findModel('resnet18');
  it.each<[Parameters<typeof trainsUnder>[1], string[]]>([
    ['none', ['conv1.weight', 'layer1.0.bn1.weight', 'layer3.0.conv1.weight', 'layer4.1.bn2.bias', 'fc.weight']],
    ['backbone', ['fc.weight']],
    [0, ['conv1.weight', 'layer1.0.bn1.weight', 'layer3.0.conv1.weight', 'layer4.1.bn2.bias', 'fc.weight']],
    [1, ['layer1.0.bn1.weight', 'layer3.0.conv1.weight', 'layer4.1.bn2.bias', 'fc.weight']],
    ['layer2', ['layer3.0.conv1.weight', 'layer4.1.bn2.bias', 'fc.weight']],
    [5, ['fc.weight']],
  ])('%s', (freeze, training) => {
    const keys = ['conv1.weight', 'layer1.0.bn1.weight', 'layer3.0.conv1.weight', 'layer4.1.bn2.bias', 'fc.weight'];
    expect(keys.filter(trainsUnder(resnet, freeze))).toEqual(training);
  });

  it('does not take a longer name for a stage', () => {
    const trains = trainsUnder(findModel('squeezenet1_0'), 'features.3');
    expect(trains('features.3.squeeze.weight')).toBe(false);
    expect(trains('features.30.squeeze.weight')).toBe(true);
  });

  it.each<[Parameters<typeof trainsUnder>[1], string]>([
    [6, 'nothing would train'],
    [-1, '0 to 5 stages'],
    [1.5, '0 to 5 stages'],
    ['fc', 'nothing would train'],
    ['layer5', "Did you mean 'layer1'?"],
    ['backbon', "Did you mean 'backbone'?"],
  ])('refuses %s', (freeze, message) => {
    expect(() => trainsUnder(resnet, freeze)).toThrow(message);
  });
});

describe('initializeModel', () => {
  it('lays the weights over everything but the head, which begins as a plain layer', () => {
    const weights = weightsOf('resnet18', 1000);
    const { state, newKeys, trains } = initializeModel('resnet18', 16, { weights, freeze: 'backbone', seed: 3 });
    expect(newKeys).toEqual(['fc.weight', 'fc.bias']);
    expect([...state.keys()]).toEqual([...weights.keys()]);
    const taken = [...state].filter(([key, { data }]) => data === weights.get(key)!.data).map(([key]) => key);
    expect(taken).toEqual([...state.keys()].filter((key) => !newKeys.includes(key)));
    const { shape, data } = state.get('fc.weight')!;
    expect(shape).toEqual([16, 512]);
    const values = [...(data as Float32Array), ...(state.get('fc.bias')!.data as Float32Array)];
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(1 / Math.sqrt(512));
    expect(Math.max(...values)).toBeGreaterThan(0.9 / Math.sqrt(512));
    expect([...state.keys()].filter(trains)).toEqual(newKeys);
    const first = (seed: number) => initializeModel('resnet18', 16, { weights, seed }).state.get('fc.weight')!.data.slice(0, 9);
    expect(first(3)).toEqual(data.slice(0, 9));
    expect(first(4)).not.toEqual(data.slice(0, 9));
  });

  it('replaces the head of the same size too, unless told to keep it', () => {
    const weights = weightsOf('squeezenet1_1', 5);
    expect(initializeModel('squeezenet1_1', 5, { weights }).newKeys).toEqual(['classifier.1.weight', 'classifier.1.bias']);
    const kept = initializeModel('squeezenet1_1', 5, { weights, head: 'weights' });
    expect(kept.newKeys).toEqual([]);
    expect(kept.state.get('classifier.1.weight')!.data).toBe(weights.get('classifier.1.weight')!.data);
  });

  it('begins as the family does without weights', () => {
    const { state, newKeys } = initializeModel('squeezenet1_1', 5);
    expect(newKeys).toEqual([...state.keys()]);
    expect(new Set(state.get('features.0.bias')!.data as Float32Array)).toEqual(new Set([0]));
  });

  it('takes weights without a head', () => {
    const weights = new Map([...weightsOf('resnet18', 1000)].filter(([key]) => !key.startsWith('fc.')));
    expect(initializeModel('resnet18', 4, { weights }).newKeys).toEqual(['fc.weight', 'fc.bias']);
    expect(() => initializeModel('resnet18', 4, { weights, head: 'weights' })).toThrow('2 missing (fc.weight; fc.bias). They have no head');
  });

  it('gives Inception two fresh heads', () => {
    const { newKeys } = initializeModel('inception_v3', 4, { weights: weightsOf('inception_v3', 1000) });
    expect(newKeys).toEqual(['AuxLogits.fc.weight', 'AuxLogits.fc.bias', 'fc.weight', 'fc.bias']);
  });

  it('understands DenseNet’s old names, wrapped networks, batch counters and double precision', () => {
    const weights = weightsOf('densenet121', 3);
    const old = renamed(weights, (key) => `module.${key.replace(/(denselayer\d+\.)(norm|conv)([12])/, '$1$2.$3')}`);
    expect(old.has('module.features.denseblock1.denselayer1.norm.1.weight')).toBe(true);
    old.set('module.features.norm0.num_batches_tracked', { dtype: 'i64', shape: [], data: BigInt64Array.of(7n) });
    const bias = weights.get('classifier.bias')!;
    old.set('module.classifier.bias', { ...bias, dtype: 'f64', data: Float64Array.from(bias.data as Float32Array) } as NdArray);
    const { state } = initializeModel('densenet121', 3, { weights: old, head: 'weights' });
    expect([...state.keys()]).toEqual([...weights.keys()]);
    const differing = [...state].filter(([key, { data }]) => data !== weights.get(key)!.data);
    expect(differing).toEqual([['classifier.bias', bias]]);
  });

  it('leaves out what a checkpoint keeps for the optimizer', () => {
    const weights = weightsOf('squeezenet1_1', 5);
    const kept = { dtype: 'f32', shape: [1], data: new Float32Array(1) } as const;
    const { state } = initializeModel('squeezenet1_1', 2, {
      weights: new Map([...weights, ['optimizer.classifier.1.bias.exp_avg', kept]]),
    });
    expect([...state.keys()]).toEqual([...weights.keys()]);
  });

  it('reports what does not fit, five keys of a kind, and whose weights they are', () => {
    const weights = weightsOf('resnet34', 1000);
    const act = () => initializeModel('resnet18', 16, { weights, weightsName: 'resnet34.pth' });
    expect(act).toThrow(CheckpointError);
    expect(act).toThrow(
      '[resnet34.pth] expected the weights of resnet18, got keys that do not fit: 80 unexpected (layer1.2.conv1.weight; layer1.2.bn1.weight; ' +
        "layer1.2.bn1.bias; layer1.2.bn1.running_mean; layer1.2.bn1.running_var, and 75 more). They fit 'resnet34'.",
    );
  });

  it('reports wrong shapes and dtypes', () => {
    const weights = weightsOf('squeezenet1_1', 1000);
    weights.set('features.0.weight', { dtype: 'f32', shape: [64, 1, 3, 3], data: new Float32Array(576) });
    weights.set('features.0.bias', { dtype: 'u8', shape: [64], data: new Uint8Array(64) });
    expect(() => initializeModel('squeezenet1_1', 2, { weights })).toThrow(
      '2 wrongly shaped (features.0.weight [64,1,3,3], not [64,3,3,3]; features.0.bias u8 [64], not [64])',
    );
  });

  it.each<[string, (bias: NdArray) => NdArray, string]>([
    ['NaN', (bias) => ({ ...bias, data: new Float32Array(64).fill(Number.NaN, 3) }) as NdArray, 'NaN'],
    ['what is infinite in single precision', (bias) => ({ ...bias, dtype: 'f64', data: new Float64Array(64).fill(-1e300) }), '-Infinity'],
  ])('refuses %s, unless a fresh head takes its place', (_, change, told) => {
    const weights = weightsOf('squeezenet1_1', 5);
    weights.set('features.0.bias', change(weights.get('features.0.bias')!));
    const act = () => initializeModel('squeezenet1_1', 2, { weights, weightsName: 'w.pth' });
    expect(act).toThrow(CheckpointError);
    expect(act).toThrow(`[w.pth] expected weights that are finite in single precision, got ${told} in features.0.bias.`);
    const head = weightsOf('squeezenet1_1', 5);
    (head.get('classifier.1.bias')!.data as Float32Array)[0] = Number.NaN;
    expect(initializeModel('squeezenet1_1', 5, { weights: head }).newKeys).toContain('classifier.1.bias');
    expect(() => initializeModel('squeezenet1_1', 5, { weights: head, head: 'weights' })).toThrow('NaN in classifier.1.bias');
  });

  it('lets only the number of classes of a fresh head differ', () => {
    const weights = weightsOf('resnet18', 1000);
    weights.set('fc.weight', { dtype: 'f32', shape: [1000, 256], data: new Float32Array(256000) });
    expect(() => initializeModel('resnet18', 16, { weights })).toThrow('1 wrongly shaped (fc.weight [1000,256], not [16,512])');
  });

  it('says that only the number of classes is wrong', () => {
    const act = () => initializeModel('resnet18', 16, { weights: weightsOf('resnet18', 1000), head: 'weights' });
    expect(act).toThrow(
      '2 wrongly shaped (fc.weight [1000,512], not [16,512]; fc.bias [1000], not [16]). Only the number of classes differs: take 1000 classes; a fresh head for 16 needs only the rest of them',
    );
  });
});

describe('options of a family', () => {
  it.each([
    [{ dropout: 0.2 }, 'resnet18', "got 'dropout'"],
    [{ transformInput: true }, 'vgg11', "got 'transformInput'"],
    [{ dropout: 1.5 }, 'alexnet', 'a share from 0 to 1'],
    [{ transformInput: true, inChannels: 1 }, 'inception_v3', '3 channels'],
  ])('%o is refused by %s', (options, name, message) => {
    expect(() => createModel(name, { classes: 2, ...options })).toThrow(message);
  });
});
