import { z } from 'zod';
import type { Rng } from '../../core/rng.ts';
import type { Size } from '../picture.ts';
import * as draws from './draw.ts';
import { colourOf, pairOf } from './draw.ts';
import type { Step } from './step.ts';

/** What a transform works on: where each pixel comes from, its colour, or the tensor. */
export type TransformKind = 'geometry' | 'colour' | 'tensor';

/** What is known of a picture before it is opened. */
export interface KnownSize {
  readonly width?: number;
  readonly height?: number;
}

/** Everything about one transform in one place. */
export interface TransformRecord<S extends z.ZodType = z.ZodType> {
  readonly kind: TransformKind;
  /** One sentence. */
  readonly doc: string;
  readonly schema: S;
  /** Whether it draws random numbers. */
  readonly random: boolean;
  /** The steps for a picture of one size. */
  readonly draw: (options: z.output<S>, rng: Rng, size: Size, channels: 1 | 3) => Step[];
  /** Size of the result as far as it does not depend on the picture. Default: unchanged. */
  readonly result?: (options: z.output<S>, size: KnownSize) => KnownSize;
}

const record = <S extends z.ZodType>(entry: TransformRecord<S>): TransformRecord<S> => entry;

const pixels = z.int().min(1).max(65535);
const size = z.union([pixels, z.tuple([pixels, pixels])], 'expected a whole number from 1 to 65535, or [height, width]');
const probability = z.number().min(0).max(1);
const level = z.number().min(0).max(255);
const fill = z.union([level, z.tuple([level, level, level])], 'expected a level from 0 to 255, or [red, green, blue]');
const range = (low: number, high: number) =>
  z
    .tuple([z.number().min(low).max(high), z.number().min(low).max(high)], `expected [low, high] within ${low} to ${high}`)
    .refine(([a, b]) => a <= b, 'expected the smaller number first');
const side = z.int().min(0).max(65535);
const padding = z.union(
  [side, z.tuple([side, side]), z.tuple([side, side, side, side])],
  'expected a whole number from 0 to 65535, [across, down] or [left, top, right, bottom]',
);
const paddingMode = z.enum(['constant', 'edge', 'reflect', 'symmetric']).default('constant');
const interpolation = z.enum(['bilinear', 'bicubic']).default('bilinear');
const strength = z.union([z.number().min(0), range(0, Number.MAX_VALUE)], 'expected a number from 0, or [low, high] from 0').default(0);
const odd = z
  .int()
  .min(1)
  .refine((n) => n % 2 === 1, 'expected an odd number');
const perChannel = z.array(z.number(), 'expected a list of one to three numbers').min(1).max(3);

/** `[1 − x, 1 + x]` of one number. */
const around = (x: number | draws.Pair): draws.Pair => (typeof x === 'number' ? [Math.max(0, 1 - x), 1 + x] : x);
const fixedSize = ({ size }: { size: number | draws.Pair }): KnownSize => ({ height: pairOf(size)[0], width: pairOf(size)[1] });
const isKnown = (size: KnownSize): size is Size => size.width !== undefined && size.height !== undefined;

export const catalogue = {
  Resize: record({
    kind: 'geometry',
    doc: 'Resizes with an antialiased filter; one number is the length of the shorter side.',
    schema: z.strictObject({ size, interpolation, maxSize: pixels.optional() }),
    random: false,
    draw: ({ size, interpolation: filter, maxSize }, _, from) => {
      if (typeof size !== 'number') return [{ op: 'resize', height: size[0], width: size[1], filter }];
      return [{ op: 'resize', ...draws.sizeForShorter(from, size, maxSize), filter }];
    },
    result: ({ size, maxSize }, from) => {
      if (typeof size !== 'number') return fixedSize({ size });
      return isKnown(from) ? draws.sizeForShorter(from, size, maxSize) : {};
    },
  }),
  Letterbox: record({
    kind: 'geometry',
    doc: 'Resizes until the whole picture fits, and fills the rest on both sides. Not in torchvision.',
    schema: z.strictObject({ size, fill: fill.default([124, 116, 104]) }),
    random: false,
    draw: ({ size, fill }, _, from) => draws.letterbox(from, pairOf(size), colourOf(fill)),
    result: fixedSize,
  }),
  CenterCrop: record({
    kind: 'geometry',
    doc: 'Cuts the middle out; pictures that are smaller get black borders.',
    schema: z.strictObject({ size }),
    random: false,
    draw: ({ size }, _, from) => draws.centerCrop(from, pairOf(size)),
    result: fixedSize,
  }),
  RandomCrop: record({
    kind: 'geometry',
    doc: 'Cuts out a part at a random place, after padding if asked.',
    schema: z.strictObject({
      size,
      padding: padding.optional(),
      padIfNeeded: z.boolean().default(false),
      fill: fill.default(0),
      paddingMode,
    }),
    random: true,
    draw: ({ size, fill, ...rest }, rng, from) => draws.randomCrop({ ...rest, size: pairOf(size), fill: colourOf(fill) }, rng, from),
    result: fixedSize,
  }),
  RandomResizedCrop: record({
    kind: 'geometry',
    doc: 'Cuts out a part of random area and aspect ratio and resizes it.',
    schema: z.strictObject({
      size,
      scale: range(0, 1).default([0.08, 1]),
      ratio: range(1e-3, 1e3).default([3 / 4, 4 / 3]),
      interpolation,
    }),
    random: true,
    draw: (options, rng, from) => {
      const [height, width] = pairOf(options.size);
      return [draws.randomResizedCrop(options, rng, from), { op: 'resize', height, width, filter: options.interpolation }];
    },
    result: fixedSize,
  }),
  Pad: record({
    kind: 'geometry',
    doc: 'Adds pixels on the sides: a colour, the edge repeated, or the picture mirrored without (reflect) or with (symmetric) its edge.',
    schema: z.strictObject({ padding, fill: fill.default(0), paddingMode }),
    random: false,
    draw: ({ padding, fill, paddingMode }) => [draws.pad(draws.sidesOf(padding), paddingMode, colourOf(fill))],
    result: ({ padding }, from) => {
      const [left, top, right, bottom] = draws.sidesOf(padding);
      return isKnown(from) ? { width: from.width + left + right, height: from.height + top + bottom } : {};
    },
  }),
  RandomRotation: record({
    kind: 'geometry',
    doc: 'Rotates by a random angle, counter-clockwise; the size stays, corners are cut off and filled.',
    schema: z.strictObject({
      degrees: z.union([z.number().min(0), range(-36000, 36000)], 'expected a number from 0, or [low, high] within -36000 to 36000'),
      interpolation: z.enum(['nearest', 'bilinear']).default('nearest'),
      center: z.tuple([z.number(), z.number()], 'expected [x, y]').optional(),
      fill: fill.default(0),
    }),
    random: true,
    draw: ({ degrees, interpolation, center, fill }, rng) => {
      const [low, high] = typeof degrees === 'number' ? [-degrees, degrees] : degrees;
      return [{ op: 'rotate', angle: rng.uniform(low, high), interpolation, ...(center && { center }), fill: colourOf(fill) }];
    },
  }),
  RandomHorizontalFlip: record({
    kind: 'geometry',
    doc: 'Mirrors left and right with probability p.',
    schema: z.strictObject({ p: probability.default(0.5) }),
    random: true,
    draw: ({ p }, rng) => (rng.uniform() < p ? [{ op: 'flip', axis: 'horizontal' }] : []),
  }),
  RandomVerticalFlip: record({
    kind: 'geometry',
    doc: 'Mirrors top and bottom with probability p.',
    schema: z.strictObject({ p: probability.default(0.5) }),
    random: true,
    draw: ({ p }, rng) => (rng.uniform() < p ? [{ op: 'flip', axis: 'vertical' }] : []),
  }),
  ColorJitter: record({
    kind: 'colour',
    doc: 'Changes brightness, contrast, saturation and hue in random order; a number x draws factors from 1 − x to 1 + x, for hue from −x to x.',
    schema: z.strictObject({
      brightness: strength,
      contrast: strength,
      saturation: strength,
      hue: z
        .union([z.number().min(0).max(0.5), range(-0.5, 0.5)], 'expected a number from 0 to 0.5, or [low, high] within -0.5 to 0.5')
        .default(0),
    }),
    random: true,
    draw: ({ brightness, contrast, saturation, hue }, rng) =>
      draws.colorJitter(
        {
          brightness: around(brightness),
          contrast: around(contrast),
          saturation: around(saturation),
          hue: typeof hue === 'number' ? [-hue, hue] : hue,
        },
        rng,
      ),
  }),
  RandomGrayscale: record({
    kind: 'colour',
    doc: 'Makes the picture grey with probability p; it keeps its channels.',
    schema: z.strictObject({ p: probability.default(0.1) }),
    random: true,
    draw: ({ p }, rng) => (rng.uniform() < p ? [{ op: 'grayscale' }] : []),
  }),
  Grayscale: record({
    kind: 'colour',
    doc: 'Makes the picture grey, with one channel or three equal ones.',
    schema: z.strictObject({ numOutputChannels: z.union([z.literal(1), z.literal(3)], 'expected 1 or 3').default(1) }),
    random: false,
    draw: () => [{ op: 'grayscale' }],
  }),
  GaussianBlur: record({
    kind: 'colour',
    doc: 'Blurs with a Gaussian of random width; kernelSize is odd, or [across, down].',
    schema: z.strictObject({
      kernelSize: z.union([odd, z.tuple([odd, odd])], 'expected an odd number from 1, or [across, down]'),
      sigma: z
        .union([z.number().gt(0), range(1e-6, 1e6)], 'expected a number above 0, or [low, high] within 0.000001 to 1000000')
        .default([0.1, 2]),
    }),
    random: true,
    draw: ({ kernelSize, sigma }, rng) => [
      { op: 'blur', kernelSize: pairOf(kernelSize), sigma: typeof sigma === 'number' ? sigma : rng.uniform(...sigma) },
    ],
  }),
  ToTensor: record({
    kind: 'tensor',
    doc: 'Turns pixels into numbers from 0 to 1, channels first.',
    schema: z.strictObject({}),
    random: false,
    draw: (_, __, ___, channels) => [{ op: 'toTensor', channels }],
  }),
  Normalize: record({
    kind: 'tensor',
    doc: 'Subtracts the mean and divides by the standard deviation of each channel.',
    schema: z.strictObject({
      mean: perChannel,
      std: z.array(z.number().gt(0), 'expected a list of one to three numbers above 0').min(1).max(3),
    }),
    random: false,
    draw: ({ mean, std }) => [{ op: 'normalize', mean, std }],
  }),
  RandomErasing: record({
    kind: 'tensor',
    doc: 'Erases a random rectangle of the tensor with probability p: with a number, one for each channel, or normal noise ("random").',
    schema: z.strictObject({
      p: probability.default(0.5),
      scale: range(0, 1).default([0.02, 0.33]),
      ratio: range(1e-3, 1e3).default([0.3, 3.3]),
      value: z.union([z.number(), perChannel, z.literal('random')], 'expected a number, one for each channel, or "random"').default(0),
    }),
    random: true,
    draw: (options, rng, from) => draws.randomErasing(options, rng, from),
  }),
};

export type TransformName = keyof typeof catalogue;

type Options<N extends TransformName> = N extends 'ToTensor' ? unknown : Readonly<z.input<(typeof catalogue)[N]['schema']>>;
/** A transform as plain data: its name and torchvision's arguments in camel case. */
export type TransformSpec = { [N in TransformName]: { readonly name: N } & Options<N> }[TransformName];

/** Transforms in order, with every default filled in: what a checkpoint keeps. */
export type TransformList = readonly TransformSpec[];

export type AnyRecord = Omit<TransformRecord, 'draw' | 'result'> & {
  draw: (options: unknown, rng: Rng, size: Size, channels: 1 | 3) => Step[];
  result?: (options: unknown, size: KnownSize) => KnownSize;
};

/** A record whose options are whatever its own schema let through. */
export const recordOf = (name: TransformName): AnyRecord => catalogue[name] as unknown as AnyRecord;
