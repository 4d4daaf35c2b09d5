import type { Tensor } from '../graph/tensor.ts';
import { Module } from '../nn/module.ts';

/**
 * Modules one after the other under names of their own.
 *
 * **Throws** `UsageError`, when the module tree is walked, for a part that is no module or two parts of one name with parameters.
 *
 * **Source**: `torch.nn.Sequential` of an `OrderedDict`.
 *
 * @example const stem = new NamedSequential([['conv', new Conv2d(3, 8, 3)], ['relu', new ReLU()]]); // conv.weight, conv.bias
 */
export class NamedSequential extends Module {
  readonly parts: readonly (readonly [string, Module])[];

  constructor(parts: readonly (readonly [string, Module])[]) {
    super();
    this.parts = parts;
  }

  override *children(): Generator<[string, Module]> {
    for (const [name, part] of this.parts) yield [name, part];
  }

  override forward(x: Tensor): Tensor {
    return this.parts.reduce((y, [, part]) => part.forward(y), x);
  }
}
