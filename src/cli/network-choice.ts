import { UsageError } from '../core/errors.ts';
import type { StateDict } from '../core/ndarray.ts';
import type { Shape } from '../core/shape.ts';
import type { TransformList } from '../data/transforms/index.ts';
import type { Module } from '../nn/module.ts';

export interface NamedNetwork {
  /** Of the model; of a run, followed by its path as it was given. */
  readonly name: string;
  readonly module: Module;
  /** `[C, H, W]`. */
  readonly inputShape: Shape;
  /** How many scores it gives: one a class. */
  readonly scores: number;
  /** Empty where only their number is known. */
  readonly classNames: readonly string[];
  /** Of a run: names of the class folders, where `classNames` are shown in their place. */
  readonly classFolders?: readonly string[];
  /** How a picture in a file becomes the input: of a run on such as it was trained, of a model as ImageNet’s see them. */
  readonly preprocessing?: TransformList;
  /** Numbers for every parameter, made or read when asked for. */
  state(): Promise<StateDict>;
  /** What the state is, if it is not trained. */
  readonly note?: string;
}

export interface NetworkChoice {
  /** Model of the registry, run folder or checkpoint. */
  network: string;
  /** `C,H,W`. */
  input?: string;
  classes?: unknown;
  /** A model's trained numbers: their file, a run of it, or `imagenet` for those to download. */
  weights?: string;
  /** Whether a model without trained numbers is of no use. */
  mustBeTrained?: boolean;
}

/** `3,224,224` as numbers, each an integer from `min`. */
export function integersIn(text: string, option: string, counts: readonly number[], min: number, example: string): number[] {
  const numbers = text.split(/[,x×]/).map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (!counts.includes(numbers.length) || !numbers.every((n) => Number.isInteger(n) && n >= min))
    throw new UsageError({ where: option, expected: `integers from ${min}, such as ${example}`, got: `'${text}'` });
  return numbers;
}

/** `--input`, if it is given. */
export const shapeIn = (input: string | undefined): Shape | undefined =>
  input === undefined ? undefined : integersIn(input, '--input', [3], 1, '3,224,224');
