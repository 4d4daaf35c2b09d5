import { describe, expect, it } from 'vitest';
import type { Tensor } from '../graph/tensor.ts';
import { createModel } from '../models/index.ts';
import { BatchNorm2d, Conv2d, Dropout, Linear, Module } from '../nn/index.ts';
import { relu } from '../ops/index.ts';
import { windowFormula } from './output-size.ts';
import { summarize } from './summary.ts';
import { summaryColumns } from './summary-table.ts';
import { formatSummary, short } from './summary-text.ts';

describe('windowFormula', () => {
  const axis = { size: 32, kernel: 5, stride: 1, padBegin: 2, padEnd: 2, dilation: 1 };
  it.each([
    [axis, 32, '(32 − 5 + 2·2)/1 + 1 = 32'],
    [{ ...axis, padBegin: 0, padEnd: 0 }, 28, '(32 − 5)/1 + 1 = 28'],
    [{ ...axis, padBegin: 1, padEnd: 2, stride: 2 }, 16, '(32 − 5 + 1 + 2)/2 + 1 = 16'],
    [{ ...axis, size: 224, kernel: 7, stride: 2, padBegin: 3, padEnd: 3 }, 112, '⌊(224 − 7 + 2·3)/2⌋ + 1 = 112'],
    [{ ...axis, size: 6, kernel: 3, stride: 2, padBegin: 0, padEnd: 0, ceil: true }, 3, '⌈(6 − 3)/2⌉ + 1 = 3'],
    [{ ...axis, size: 3, kernel: 2, stride: 2, padBegin: 1, padEnd: 1, ceil: true }, 2, '⌈(3 − 2 + 2·1)/2⌉ + 1 − 1 = 2'],
    [{ ...axis, kernel: 3, dilation: 2 }, 32, '(32 − (2·(3 − 1) + 1) + 2·2)/1 + 1 = 32'],
  ])('%j', (window, positions, text) => {
    expect(windowFormula(window, positions)).toBe(text);
  });
});

/** The course's example: ten 5×5×3 filters with padding 2 on a 32×32 picture, then 10 240 numbers to 5. */
class Course extends Module {
  conv = new Conv2d(3, 10, 5, { padding: 2 });
  bn = new BatchNorm2d(10);
  drop = new Dropout(0.5);
  fc = new Linear(10 * 32 * 32, 5);
  idle = new Linear(2, 3);
  override forward(x: Tensor): Tensor {
    const y = this.drop.forward(relu(this.bn.forward(this.conv.forward(x))));
    return this.fc.forward(relu(y));
  }
}

describe('summarize', () => {
  const summary = summarize(new Course(), [3, 32, 32], { name: 'course' });
  const layer = (name: string) => summary.layers.find((l) => l.name === name);

  it('names layers by path, functions by op, a second use by its number; dropout does nothing', () => {
    expect(summary.layers.map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      'conv Conv2d',
      'bn BatchNorm2d',
      'relu relu',
      'relu#2 relu',
      'fc Linear',
    ]);
  });

  it('counts the course’s convolution: 760 parameters, 76·32·32 for each filter without sharing', () => {
    expect(layer('conv')).toMatchObject({
      outputShape: [10, 32, 32],
      sizeFormulas: ['(32 − 5 + 2·2)/1 + 1 = 32'],
      parameters: 10 * (3 * 5 * 5 + 1),
      unsharedParameters: 10 * 32 * 32 * (3 * 5 * 5 + 1),
      multiplyAdds: 10 * 32 * 32 * 3 * 5 * 5,
    });
  });

  it('shares nothing in a fully connected layer; batch norm has buffers', () => {
    expect(layer('fc')).toMatchObject({ sizeFormulas: ['10240 → 5'], parameters: 51205, unsharedParameters: 51205, multiplyAdds: 51200 });
    expect(layer('bn')).toMatchObject({ parameters: 20, unsharedParameters: 20, buffers: 20, multiplyAdds: 0 });
  });

  it('lists what evaluation does not use, and counts it', () => {
    expect(summary.unused).toEqual([
      { name: 'idle.weight', parameters: 6 },
      { name: 'idle.bias', parameters: 3 },
    ]);
    expect(summary.totals).toMatchObject({ parameters: 760 + 20 + 51205 + 9, buffers: 20, multiplyAdds: 768000 + 51200 });
  });

  // torchvision 0.14, `num_batches_tracked` left out.
  it('counts Inception’s auxiliary head, running statistics included', () => {
    const { totals } = summarize(createModel('inception_v3', { classes: 1000 }), [3, 299, 299]);
    expect(totals).toMatchObject({ parameters: 27161264, buffers: 36224 });
  });

  it('counts the parameters of a module used twice once', () => {
    class Twice extends Module {
      conv = new Conv2d(2, 2, 3, { padding: 1 });
      override forward(x: Tensor): Tensor {
        return this.conv.forward(this.conv.forward(x));
      }
    }
    const { layers, totals, depth } = summarize(new Twice(), [2, 5, 5]);
    expect(layers.map(({ name, parameters }) => [name, parameters])).toEqual([
      ['conv', 38],
      ['conv#2', 0],
    ]);
    expect(totals).toMatchObject({ parameters: 38, multiplyAdds: 2 * 25 * 36 });
    expect(depth.layers).toBe(2);
  });

  it('survives JSON', () => {
    expect(JSON.parse(JSON.stringify(summary))).toEqual(summary);
  });

  it('refuses a shape that is none and a picture that does not fit', () => {
    expect(() => summarize(new Course(), [3, 0, 32])).toThrow(
      '[Course] expected the shape of one picture, such as [3,224,224], got [3,0,32].',
    );
    expect(() => summarize(new Course(), [1, 32, 32])).toThrow('[conv2d @ conv] expected 3 channels');
  });
});

describe('formatSummary', () => {
  it.each([
    [9999, '9999'],
    [10_000, '10 k'],
    [23_296, '23.3 k'],
    [714_188_480, '714.2 M'],
    [15_470_264_320, '15.47 G'],
    [999_999_999, '1 G'],
  ])('shortens %i to %s', (count, text) => {
    expect(short(count)).toBe(text);
  });

  it('prints the course’s net as a tree', () => {
    const text = formatSummary(summarize(createModel('course-cnn', { classes: 10 }), [1, 28, 28], { name: 'course-cnn' }));
    expect(text.split('\n').slice(0, 15)).toEqual([
      'course-cnn, input 1×28×28',
      '',
      'layer    kind     output    output size                parameters  unshared  mult-adds  field  jump  centre',
      'conv1',
      ' 0       Conv     16×28×28  (28 − 5 + 2·2)/1 + 1 = 28         416   326.1 k    313.6 k      5     1       0',
      ' 1       ReLU     16×28×28                                                                  5     1       0',
      ' 2       MaxPool  16×14×14  (28 − 2)/2 + 1 = 14                                             6     2     0.5',
      'conv2',
      ' 0       Conv     32×14×14  (14 − 5 + 2·2)/1 + 1 = 14      12,832   2.515 M    2.509 M     14     2     0.5',
      ' 1       ReLU     32×14×14                                                                 14     2     0.5',
      ' 2       MaxPool  32×7×7    (14 − 2)/2 + 1 = 7                                             16     4     1.5',
      'flatten  Flatten  1568      32·7·7 = 1568                                                  16',
      'out      Linear   10        1568 → 10                      15,690              15.68 k    all',
      '',
      '28,938 parameters; 2,856,906 without sharing (weights of its own for every position).',
    ]);
  });

  it.each(['alexnet', 'vgg16_bn', 'resnet50', 'inception_v3', 'squeezenet1_0', 'densenet121'])('keeps %s within 120 columns', (name) => {
    const side = name === 'inception_v3' ? 299 : 224;
    const text = formatSummary(summarize(createModel(name, { classes: 1000 }), [3, side, side]));
    for (const line of text.split('\n')) expect(line.length, line).toBeLessThanOrEqual(120);
  });

  it.each([
    ['alexnet', false],
    ['resnet18', true],
    ['squeezenet1_0', true],
    ['densenet121', true],
  ])('says of %s whether a field is that of the largest path: %s', (name, says) => {
    const text = formatSummary(summarize(createModel(name, { classes: 1000 }), [3, 224, 224]));
    expect(text.includes('where branches meet, those of the largest path')).toBe(says);
  });

  it('repeats the headings in a long table and says what was not counted', () => {
    const text = formatSummary(summarize(createModel('resnet50', { classes: 1000 }), [3, 224, 224]));
    expect(text.split('\n').filter((line) => /parameters +unshared/.test(line)).length).toBeGreaterThan(3);
    expect(text).toContain(
      '50 layers with parameters on the longest way from the picture to the scores: 49 convolutions, 1 fully connected.',
    );
    expect(text).toContain(
      '4 more beside it (projection shortcuts, parallel branches), not counted:\n  layer1.0.downsample.0, layer2.0.downsample.0, layer3',
    );
    expect(text).toContain('53 normalisations with parameters, not counted either.');
  });
});

describe('summaryColumns', () => {
  it('has a row a layer and one for each unused parameter; parameters add up', () => {
    const summary = summarize(new Course(), [3, 32, 32]);
    const { names, rows } = summaryColumns(summary);
    expect(names.slice(0, 5)).toEqual(['name', 'kind', 'output_shape', 'size_formula', 'parameters']);
    expect(rows[0].slice(0, 5)).toEqual(['conv', 'Conv2d', '10x32x32', '(32 − 5 + 2·2)/1 + 1 = 32', 760]);
    expect(rows.at(-1)!.slice(0, 5)).toEqual(['idle.bias', 'unused', undefined, undefined, 3]);
    expect(rows.reduce((sum, row) => sum + Number(row[4]), 0)).toBe(summary.totals.parameters);
  });
});
