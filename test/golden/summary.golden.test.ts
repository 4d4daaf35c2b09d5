import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type LayerSummary, type Summary, summarize } from '../../src/explain/index.ts';
import { createModel, findModel, listModels } from '../../src/models/index.ts';

interface Row {
  parameters: number;
  multiplyAdds: number;
  layers?: [name: string, shape: number[], parameters: number][];
}

/** Counts by torchvision 0.14; make_summary_golden.py made them. */
const golden = JSON.parse(readFileSync(new URL('summary.golden.json', import.meta.url), 'utf8')) as Record<string, Row>;

const summaries = new Map<string, Summary>();
function summaryOf(name: string): Summary {
  const known = summaries.get(name) ?? summarize(createModel(name, { classes: 1000 }), findModel(name).inputShape, { name });
  summaries.set(name, known);
  return known;
}

describe.each(Object.entries(golden))('%s', (name, row) => {
  const { totals, layers } = summaryOf(name);

  it('has torchvision’s parameters and multiply-adds', () => {
    expect(totals.parameters).toBe(row.parameters);
    expect(totals.multiplyAdds).toBe(row.multiplyAdds);
  });

  it('has output-size formulas that are true', () => {
    for (const layer of layers) for (const formula of layer.sizeFormulas) expectTrue(formula, layer);
  });

  if (row.layers)
    it('has torchvision’s layers with their shapes and parameters', () => {
      const own = layers.filter((l) => l.parameters).map((l) => [l.name, [...l.outputShape], l.parameters]);
      expect(sorted(own)).toEqual(sorted(row.layers!));
    });
});

/** torchvision runs some branches in another order. */
const sorted = (rows: unknown[][]): unknown[][] => rows.toSorted((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1));

/** Works a formula out and compares it with what it says and with the layer's result. */
function expectTrue(formula: string, { name, outputShape }: LayerSummary): void {
  if (formula.includes('→') || formula.startsWith('mean')) return;
  const [left, right] = formula.split(' = ');
  const code = left
    .replaceAll('⌊', 'Math.floor(')
    .replaceAll('⌈', 'Math.ceil(')
    .replace(/[⌋⌉]/g, ')')
    .replaceAll('·', '*')
    .replaceAll('−', '-');
  expect(new Function(`return ${code}`)(), `${name}: ${formula}`).toBe(Number(right));
  expect(outputShape, `${name}: ${formula}`).toContain(Number(right));
}

/** Field at the named layer: published sizes (Araujo et al. 2019 for the same stride placement, and the models' own papers). */
describe('receptive fields', () => {
  it.each([
    ['alexnet', 'features.12', 195, 32],
    ['vgg16', 'features.30', 212, 32],
    ['resnet50', 'layer4.2.conv3', 427, 32],
    ['resnet152', 'layer4.2.conv3', 1451, 32],
    ['inception_v3', 'Mixed_7c.concat#3', 1311, 32],
  ])('%s at %s: %i px', (name, layer, size, jump) => {
    const { receptiveField } = summaryOf(name).layers.find((l) => l.name === layer)!;
    expect(receptiveField).toMatchObject({ whole: false, height: { size, jump }, width: { size, jump } });
  });

  it('are the whole picture behind global pooling and in fully connected layers', () => {
    for (const name of ['avgpool', 'fc']) {
      const { receptiveField } = summaryOf('resnet50').layers.find((l) => l.name === name)!;
      expect(receptiveField).toEqual({
        whole: true,
        height: { size: 224, jump: null, centre: null },
        width: { size: 224, jump: null, centre: null },
      });
    }
  });
});

describe('depth', () => {
  it.each([
    ['alexnet', 8, 3, 0],
    ['vgg16', 16, 3, 0],
    ['vgg19_bn', 19, 3, 0],
    ['resnet18', 18, 1, 3],
    ['resnet152', 152, 1, 4],
    ['squeezenet1_0', 18, 0, 8],
    ['densenet201', 201, 1, 0],
    ['inception_v3', 48, 1, 47],
  ])('of %s is %i, %i of them fully connected, %i beside', (name, layers, fullyConnected, beside) => {
    const { depth } = summaryOf(name);
    expect(depth).toMatchObject({ layers, fullyConnected, convolutions: layers - fullyConnected });
    expect(depth.beside).toHaveLength(beside);
  });

  it('leaves out ResNet’s projection shortcuts', () => {
    const projections = [1, 2, 3, 4].map((i) => `layer${i}.0.downsample.0`);
    expect(summaryOf('resnet152').depth.beside).toEqual(projections);
  });
});

it('covers every model but the course’s own', () => {
  expect(
    listModels()
      .map((m) => m.name)
      .filter((name) => !(name in golden)),
  ).toEqual(['course-cnn']);
});
