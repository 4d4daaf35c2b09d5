import { describe, expect, it } from 'vitest';
import { UsageError } from '../../core/errors.ts';
import { compose, isDeterministic, parseTransforms, sampleShapeOf, type TransformRecord, transformCatalogue } from './index.ts';

describe('parseTransforms', () => {
  it('fills in the defaults, and keeps what it has made as it is', () => {
    const list = parseTransforms([{ name: 'RandomRotation', degrees: 45 }, { name: 'RandomHorizontalFlip' }, { name: 'ToTensor' }]);
    expect(list).toEqual([
      { name: 'RandomRotation', degrees: 45, interpolation: 'nearest', fill: 0 },
      { name: 'RandomHorizontalFlip', p: 0.5 },
      { name: 'ToTensor' },
    ]);
    expect(parseTransforms(JSON.parse(JSON.stringify(list)))).toEqual(list);
  });

  it('knows transforms by records that have a type outside too', () => {
    const { kind, random }: Omit<TransformRecord, 'draw' | 'result'> = transformCatalogue.Resize;
    expect([kind, random]).toEqual(['geometry', false]);
  });

  it('unrolls Compose', () => {
    const inner = {
      name: 'Compose',
      transforms: [
        { name: 'Resize', size: 8 },
        { name: 'Compose', transforms: [{ name: 'ToTensor' }] },
      ],
    };
    expect(parseTransforms([inner]).map(({ name }) => name)).toEqual(['Resize', 'ToTensor']);
  });

  it.each([
    [[{ name: 'CentreCrop', size: 9 }], /\[transforms\[0\]\] expected a known transform, got 'CentreCrop'\. Did you mean 'CenterCrop'\?/],
    [[{ name: 'ToTensor' }, { name: 'constructor' }], /\[transforms\[1\]\] .*got 'constructor'/],
    [[{ name: 'Resize', sise: 9 }], /\[transforms\[0\] Resize.*/],
    [
      [{ name: 'Resize', size: 9, maxsize: 12 }],
      /\[transforms\[0\] Resize\] expected size, interpolation, maxSize, got 'maxsize'\. Did you mean 'maxSize'\?/,
    ],
    [[{ name: 'ToTensor', x: 1 }], /expected no options, got 'x'/],
    [[{ name: 'RandomHorizontalFlip', p: 1.5 }], /\[transforms\[0\] RandomHorizontalFlip\.p\] expected .*1, got 1\.5/],
    [
      [{ name: 'RandomResizedCrop', size: 9, scale: [1, 0.1] }],
      /RandomResizedCrop\.scale\] expected the smaller number first, got \[1,0\.1\]/,
    ],
    [[{ name: 'GaussianBlur', kernelSize: 4 }], /GaussianBlur\.kernelSize\]/],
    [
      [{ name: 'Resize', size: Number.NaN }],
      '[transforms[0] Resize.size] expected a whole number from 1 to 65535, or [height, width], got NaN.',
    ],
    [[{ name: 'Resize' }], 'or [height, width], got nothing.'],
    [[{ name: 'Letterbox', size: 8, fill: 'red' }], 'expected a level from 0 to 255, or [red, green, blue], got "red".'],
    [
      [{ name: 'Pad', padding: [1, 2, 3] }],
      'expected a whole number from 0 to 65535, [across, down] or [left, top, right, bottom], got [1,2,3].',
    ],
    [[{ name: 'ColorJitter', brightness: Infinity }], 'expected a number from 0, or [low, high] from 0, got Infinity.'],
    [[{ name: 'RandomErasing', value: 'noise' }], 'expected a number, one for each channel, or "random", got "noise".'],
    [[{ name: 'Resize', size: 8, interpolation: 'nearest' }], 'expected "bilinear"|"bicubic", got "nearest".'],
    [[{ name: 'Compose', transforms: 3 }], /\[transforms\[0\] Compose\] expected a list of transforms, got 3/],
    [['Resize'], /\[transforms\[0\]\] expected an object with a 'name', got "Resize"/],
    [7, /\[transforms\] expected a list of transforms, got 7/],
  ])('refuses %j', (list, message) => {
    expect(() => parseTransforms(list)).toThrow(UsageError);
    expect(() => parseTransforms(list)).toThrow(message);
  });
});

describe('order and shape', () => {
  const norm = { name: 'Normalize', mean: [0.5, 0.5, 0.5], std: [1, 1, 1] };
  it.each([
    [[{ name: 'Resize', size: 9 }], /expected a ToTensor at the end of the pictures, got Resize/],
    [[{ name: 'ToTensor' }, { name: 'ToTensor' }], /\[transforms\[1\] ToTensor\] expected one ToTensor/],
    [
      [{ name: 'ToTensor' }, { name: 'Resize', size: 9 }],
      /\[transforms\[1\] Resize\] expected only Normalize and RandomErasing after ToTensor/,
    ],
    [[norm, { name: 'ToTensor' }], /\[transforms\[0\] Normalize\] expected ToTensor before it/],
    [[{ name: 'Grayscale' }, { name: 'ToTensor' }, norm], /expected 1 mean and std, got 3 and 3/],
    [[{ name: 'ToTensor' }, { name: 'RandomErasing', value: [1, 2] }], /expected 1 or 3 values, got 2/],
  ])('refuses %j', (list, message) => {
    expect(() => compose(list)).toThrow(UsageError);
    expect(() => compose(list)).toThrow(message);
  });

  it.each([
    [[{ name: 'Resize', size: 9 }], undefined],
    [[{ name: 'Resize', size: [8, 9] }], [3, 8, 9]],
    [
      [
        { name: 'Resize', size: [8, 9] },
        { name: 'Resize', size: 4 },
      ],
      [3, 4, 4],
    ],
    [
      [
        { name: 'CenterCrop', size: [5, 7] },
        { name: 'Pad', padding: [1, 2, 3, 4] },
      ],
      [3, 11, 11],
    ],
    [
      [{ name: 'RandomCrop', size: 6 }, { name: 'Grayscale' }],
      [1, 6, 6],
    ],
    [
      [{ name: 'Letterbox', size: 6 }, { name: 'Grayscale' }, { name: 'Grayscale', numOutputChannels: 3 }],
      [3, 6, 6],
    ],
    [[{ name: 'Pad', padding: 2 }], undefined],
  ])('of %j is %j', (list, shape) => {
    expect(sampleShapeOf(parseTransforms([...list, { name: 'ToTensor' }]))).toEqual(shape);
  });

  it('says which lists draw random numbers', () => {
    expect(isDeterministic(parseTransforms([{ name: 'Resize', size: 9 }, { name: 'ToTensor' }, norm]))).toBe(true);
    for (const name of ['RandomHorizontalFlip', 'ColorJitter', 'RandomGrayscale', 'RandomErasing'])
      expect(isDeterministic(parseTransforms([{ name }]))).toBe(false);
  });
});
