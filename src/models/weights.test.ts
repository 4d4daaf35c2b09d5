import { describe, expect, it } from 'vitest';
import { imagenetClasses, listModels } from './index.ts';

const entries = listModels().flatMap(({ name, weights = [] }) => weights.map((entry) => [name, entry] as const));

describe('weights', () => {
  it('exist for every model of torchvision', () => {
    const without = listModels().filter(({ weights }) => !weights?.length);
    expect(without.map(({ name }) => name)).toEqual(['course-cnn']);
    expect(entries.length).toBe(24);
  });

  it.each(entries)('%s: a whole entry', (name, { url, sha256Prefix, preprocessing, top1, top5 }) => {
    expect(url).toMatch(new RegExp(`^https://download\\.pytorch\\.org/models/${name}[a-z_-]*-${sha256Prefix}\\.pth$`));
    expect(sha256Prefix).toMatch(/^[0-9a-f]{8}$/);
    expect(top5).toBeGreaterThan(top1);
    expect(top5).toBeLessThan(1);
    expect(top1).toBeGreaterThan(0.5);
    expect(preprocessing.crop).toBeLessThan(preprocessing.resize);
  });

  it('keep what differs from the usual preprocessing', () => {
    const of = (model: string) => entries.filter(([name]) => name === model).map(([, entry]) => entry);
    expect(of('resnet50').map((e) => [e.name, e.preprocessing.resize])).toEqual([
      ['IMAGENET1K_V1', 256],
      ['IMAGENET1K_V2', 232],
    ]);
    expect(of('inception_v3')).toMatchObject([{ transformInput: true, preprocessing: { resize: 342, crop: 299 } }]);
  });
});

describe('imagenetClasses', () => {
  it('are 1000 different names in the order of the scores', () => {
    expect(imagenetClasses.length).toBe(1000);
    expect(new Set(imagenetClasses).size).toBe(1000);
    expect([0, 207, 888, 999].map((i) => imagenetClasses[i])).toEqual(['tench', 'golden retriever', 'viaduct', 'toilet tissue']);
  });
});
