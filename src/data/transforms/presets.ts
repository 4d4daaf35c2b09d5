import { UsageError } from '../../core/errors.ts';
import { didYouMean } from '../../core/nearest.ts';
import { imagenet } from '../../models/weights.ts';
import type { TransformList, TransformSpec } from './catalogue.ts';
import { parseTransforms } from './parse.ts';

/** Mean and standard deviation of ImageNet's pictures, channels red, green, blue, levels 0 to 1. */
export const imagenetMean: readonly number[] = imagenet.mean;
export const imagenetStd: readonly number[] = imagenet.std;

/** How a picture that is not square becomes one: cut its ends off, fill the rest, or distort it. */
export type Fit = 'crop' | 'pad' | 'stretch';
export const fits: readonly Fit[] = ['crop', 'pad', 'stretch'];

export interface PresetOptions {
  /** Side of the network's input in pixels; default 224. */
  readonly size?: number;
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  /** Default 'crop'. */
  readonly fit?: Fit;
}

/** What training and what validation and prediction do to a picture. */
export interface Preset {
  readonly train: TransformList;
  readonly valid: TransformList;
}

type Filled = Required<PresetOptions>;

/** The course and torchvision's models cut 224 px out of pictures whose shorter side is 256. */
const resizeTo = (size: number) => Math.trunc((size * 256) / 224);

/** The whole picture as a square of `side`, of which validation keeps the middle `size`. */
const validFits: Record<Fit, (options: Filled) => TransformSpec[]> = {
  crop: ({ size }) => [
    { name: 'Resize', size: resizeTo(size) },
    { name: 'CenterCrop', size },
  ],
  pad: ({ size, mean }) => [{ name: 'Letterbox', size, fill: levelsOf(mean) }],
  stretch: ({ size }) => [{ name: 'Resize', size: [size, size] }],
};

/** The same where training takes a random part: at least a third, as few pictures need less change than ImageNet's million. */
const randomFits: Record<Fit, (options: Filled) => TransformSpec[]> = {
  crop: ({ size }) => [{ name: 'RandomResizedCrop', size, scale: [0.35, 1] }],
  pad: ({ size, mean }) => [
    { name: 'Letterbox', size: resizeTo(size), fill: levelsOf(mean) },
    { name: 'RandomCrop', size },
  ],
  stretch: ({ size }) => [
    { name: 'Resize', size: [resizeTo(size), resizeTo(size)] },
    { name: 'RandomCrop', size },
  ],
};

/** Fill that normalises to about 0. */
const levelsOf = (mean: readonly number[]): [number, number, number] => {
  const [red, green = red, blue = red] = mean.map((m) => Math.min(255, Math.max(0, Math.round(255 * m))));
  return [red, green, blue];
};

const tensor = ({ mean, std }: Filled): TransformSpec[] => [{ name: 'ToTensor' }, { name: 'Normalize', mean: [...mean], std: [...std] }];
const valid = (options: Filled): TransformSpec[] => [...validFits[options.fit](options), ...tensor(options)];

const table = {
  /** The course's lists, to the letter where `fit` is 'crop'. */
  course: (options: Filled) => ({
    train: [
      { name: 'RandomRotation', degrees: 45 },
      ...(options.fit === 'crop' ? [{ name: 'CenterCrop', size: options.size } as const] : validFits[options.fit](options)),
      { name: 'RandomHorizontalFlip', p: 0.5 },
      { name: 'RandomVerticalFlip', p: 0.5 },
      { name: 'ColorJitter', brightness: 0.2, contrast: 0.1, saturation: 0.1, hue: 0.1 },
      { name: 'RandomGrayscale', p: 0.025 },
      ...tensor(options),
    ],
    valid: valid(options),
  }),
  /** The usual recipe of ImageNet models, milder. */
  standard: (options: Filled) => ({
    train: [
      ...randomFits[options.fit](options),
      { name: 'RandomHorizontalFlip', p: 0.5 },
      { name: 'ColorJitter', brightness: 0.2, contrast: 0.2, saturation: 0.2, hue: 0.02 },
      ...tensor(options),
    ],
    valid: valid(options),
  }),
  /** Training sees what validation sees. */
  none: (options: Filled) => ({ train: valid(options), valid: valid(options) }),
} satisfies Record<string, (options: Filled) => { train: TransformSpec[]; valid: TransformSpec[] }>;

export type PresetName = keyof typeof table;
export const presetNames = Object.keys(table) as readonly PresetName[];

/**
 * Transforms for training and validation by name: `standard` (the default: random crop of 35 % of the area or more, resized, flip, mild
 * jitter), `course` (the course's own lists) or `none` (no augmentation).
 *
 * Validation resizes to `size·256/224` and cuts the middle out; with another `fit` the whole picture is kept.
 *
 * - `size`: side of the input, px; default 224.
 * - `mean`, `std`: of levels 0 to 1; default ImageNet's.
 * - `fit`: 'crop' (default), 'pad' (filled with the mean) or 'stretch'.
 *
 * **Throws** `UsageError` for an unknown name (with the nearest) or a value out of range.
 *
 * @example const { train, valid } = presetTransforms('course', { size: 299 });
 */
export function presetTransforms(name: PresetName | (string & {}) = 'standard', options: PresetOptions = {}): Preset {
  if (!Object.hasOwn(table, name)) {
    throw new UsageError({ where: 'preset', expected: presetNames.join(', '), got: `'${name}'`, hint: didYouMean(name, presetNames) });
  }
  const { size = 224, mean = imagenetMean, std = imagenetStd, fit = 'crop' } = options;
  if (!fits.includes(fit)) throw new UsageError({ where: 'fit', expected: fits.join(', '), got: `'${fit}'` });
  const lists = table[name as PresetName]({ size, mean, std, fit });
  return { train: parseTransforms(lists.train, `${name} train`), valid: parseTransforms(lists.valid, `${name} valid`) };
}
