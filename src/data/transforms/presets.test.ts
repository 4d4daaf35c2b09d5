import { describe, expect, it } from 'vitest';
import { UsageError } from '../../core/errors.ts';
import { compose, fits, isDeterministic, parseTransforms, presetNames, presetTransforms } from './index.ts';

const normalize = { name: 'Normalize', mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

describe('presetTransforms', () => {
  it('course is the lists of the course', () => {
    const train = [
      { name: 'RandomRotation', degrees: 45 },
      { name: 'CenterCrop', size: 224 },
      { name: 'RandomHorizontalFlip', p: 0.5 },
      { name: 'RandomVerticalFlip', p: 0.5 },
      { name: 'ColorJitter', brightness: 0.2, contrast: 0.1, saturation: 0.1, hue: 0.1 },
      { name: 'RandomGrayscale', p: 0.025 },
      { name: 'ToTensor' },
      normalize,
    ];
    const valid = [{ name: 'Resize', size: 256 }, { name: 'CenterCrop', size: 224 }, { name: 'ToTensor' }, normalize];
    expect(presetTransforms('course')).toEqual({ train: parseTransforms(train), valid: parseTransforms(valid) });
  });

  it('standard is the default; none trains with what validates', () => {
    expect(presetTransforms()).toEqual(presetTransforms('standard'));
    expect(presetTransforms().train[0]).toMatchObject({ name: 'RandomResizedCrop', size: 224, scale: [0.35, 1] });
    expect(presetTransforms('none').train).toEqual(presetTransforms('course').valid);
  });

  it('takes size, mean and std', () => {
    const { valid } = presetTransforms('standard', { size: 299, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] });
    expect(valid).toEqual(
      parseTransforms([
        { name: 'Resize', size: 341 },
        { name: 'CenterCrop', size: 299 },
        { name: 'ToTensor' },
        { name: 'Normalize', mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
      ]),
    );
  });

  it.each(presetNames)('%s takes an option that is undefined as left out', (name) => {
    expect(presetTransforms(name, { size: undefined, mean: undefined, std: undefined, fit: undefined })).toEqual(presetTransforms(name));
  });

  it.each(presetNames.flatMap((name) => fits.map((fit) => [name, fit] as const)))(
    '%s with fit %s makes samples of one size',
    (name, fit) => {
      const { train, valid } = presetTransforms(name, { size: 64, fit });
      expect(compose(train).sampleShape).toEqual([3, 64, 64]);
      expect(compose(valid).sampleShape).toEqual([3, 64, 64]);
      expect([isDeterministic(valid), isDeterministic(train)]).toEqual([true, name === 'none']);
    },
  );

  it('pads with what normalises to nothing, and keeps or stretches the whole picture', () => {
    const picture = { width: 90, height: 30, data: new Uint8Array(3 * 90 * 30).fill(255) };
    const sample = (fit: 'pad' | 'stretch' | 'crop') => {
      const into = new Float32Array(3 * 32 * 32);
      compose(presetTransforms('none', { size: 32, fit }).valid).run(picture, undefined as never, into);
      return into;
    };
    const padded = sample('pad');
    expect(Math.abs(padded[16])).toBeLessThan(0.01);
    expect(padded[16 * 32 + 16]).toBeGreaterThan(2);
    expect(Math.min(...sample('stretch'))).toBeGreaterThan(2);
    expect(Math.min(...sample('crop'))).toBeGreaterThan(2);
  });

  it('refuses other names', () => {
    expect(() => presetTransforms('cource')).toThrow(/expected course, standard, none, got 'cource'\. Did you mean 'course'\?/);
    expect(() => presetTransforms('none', { fit: 'squash' as never })).toThrow(/\[fit\] expected crop, pad, stretch, got 'squash'/);
    expect(() => presetTransforms('none', { size: 0 })).toThrow(UsageError);
  });
});
