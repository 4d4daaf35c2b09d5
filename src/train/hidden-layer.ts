import { UsageError } from '../core/errors.ts';
import type { ModelSpec } from '../models/index.ts';
import { Dropout, Linear, ReLU, Sequential } from '../nn/layers.ts';
import type { Module } from '../nn/module.ts';

const dropout = 0.2;

/** The module at a path, and how to put another in its place. */
function placeOf(root: Module, path: string): { module: unknown; replace: (by: Module) => void } {
  const names = path.split('.');
  const last = names.pop()!;
  const parent = names.reduce<unknown>(
    (part, name) => (part instanceof Sequential ? part.parts[Number(name)] : part?.[name as never]),
    root,
  );
  const owner = (parent instanceof Sequential ? parent.parts : parent) as Record<string, unknown>;
  return {
    module: owner[last],
    replace: (by) => {
      owner[last] = by;
    },
  };
}

/**
 * Puts a hidden layer before the classes: the last linear layer becomes `0` linear, ReLU, dropout 0.2, `3` linear.
 *
 * **Throws** `UsageError` if the network does not end in a linear layer, as SqueezeNet does not.
 */
export function putHiddenLayer(module: Module, { name, head }: ModelSpec, classes: number, hiddenUnits: number): Module {
  const path = head.at(-1)!;
  const place = placeOf(module, path);
  if (!(place.module instanceof Linear))
    throw new UsageError({
      where: 'hiddenUnits',
      expected: 'a network that ends in a linear layer (alexnet, vgg, resnet, densenet, inception)',
      got: `${name}, whose ${path} is none`,
      hint: 'Leave it out or take another model',
    });
  const [, features] = place.module.weight.shape;
  place.replace(new Sequential(new Linear(features, hiddenUnits), new ReLU(), new Dropout(dropout), new Linear(hiddenUnits, classes)));
  return module;
}
