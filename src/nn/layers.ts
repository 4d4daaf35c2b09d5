import { UsageError } from '../core/errors.ts';
import type { Tensor } from '../graph/tensor.ts';
import {
  type AvgPool2dOptions,
  adaptiveAvgPool2d,
  avgPool2d,
  batchNorm2d,
  type Conv2dOptions,
  conv2d,
  dropout,
  flatten,
  linear,
  type MaxPool2dOptions,
  maxPool2d,
  relu,
} from '../ops/index.ts';
import { type Pair, pairOf } from '../ops/window.ts';
import { checkCounts } from './counts.ts';
import { constant, fanIn, torchDefault } from './init.ts';
import { type Init, Module, Parameter } from './module.ts';

export interface LayerInit {
  /** Adds a bias; default true. */
  bias?: boolean;
  /** How the weight begins; default `torchDefault`. */
  weightInit?: Init;
  /** How the bias begins; default `torchDefault` of the weight's fan. */
  biasInit?: Init;
}

/**
 * 2-D convolution with learned filters and bias.
 *
 * **Shapes**: x `[N, inChannels, H, W]` → `[N, outChannels, H′, W′]`; state `weight` `[outChannels, inChannels/groups, kh, kw]`, `bias` `[outChannels]`.
 *
 * - `kernelSize` px, from 1; a number or `[h, w]`
 * - `stride` (1), `padding` (0), `dilation` (1), `groups` (1) as in `conv2d`; `bias` true
 *
 * **Throws** `UsageError` for counts that are not integers above 0 and groups that do not divide both numbers of channels; when it is traced,
 * what `conv2d` throws, naming the layer.
 *
 * **Source**: `torch.nn.Conv2d`, with its initial values.
 *
 * @example const conv = new Conv2d(1, 16, 5, { padding: 2 });
 */
export class Conv2d extends Module {
  readonly options: Conv2dOptions;
  weight: Parameter;
  bias?: Parameter;

  constructor(inChannels: number, outChannels: number, kernelSize: Pair, options: Conv2dOptions & LayerInit = {}) {
    super();
    const { bias = true, weightInit = torchDefault(), biasInit, ...window } = options;
    const { groups = 1 } = window;
    const where = this.constructor.name;
    checkCounts(where, { inChannels, outChannels, kernelSize, groups });
    if (inChannels % groups || outChannels % groups)
      throw new UsageError({ where, expected: `groups that divide ${inChannels} and ${outChannels} channels`, got: `${groups}` });
    const shape = [outChannels, inChannels / groups, ...pairOf(kernelSize)];
    this.options = window;
    this.weight = new Parameter(shape, weightInit);
    if (bias) this.bias = new Parameter([outChannels], biasInit ?? torchDefault(fanIn(shape)));
  }

  override forward(x: Tensor): Tensor {
    return conv2d(x, this.weight.in(x.graph), this.bias?.in(x.graph), this.options);
  }
}

/**
 * Fully connected layer: weighted sums of all features.
 *
 * **Shapes**: x `[N, inFeatures]` → `[N, outFeatures]`; state `weight` `[outFeatures, inFeatures]`, `bias` `[outFeatures]`.
 *
 * - `bias` default true
 *
 * **Throws** `UsageError` for counts that are not integers above 0; when it is traced, what `linear` throws, naming the layer.
 *
 * **Source**: `torch.nn.Linear`, with its initial values.
 *
 * @example const out = new Linear(512, 10);
 */
export class Linear extends Module {
  weight: Parameter;
  bias?: Parameter;

  constructor(inFeatures: number, outFeatures: number, { bias = true, weightInit = torchDefault(), biasInit }: LayerInit = {}) {
    super();
    checkCounts(this.constructor.name, { inFeatures, outFeatures });
    this.weight = new Parameter([outFeatures, inFeatures], weightInit);
    if (bias) this.bias = new Parameter([outFeatures], biasInit ?? torchDefault(inFeatures));
  }

  override forward(x: Tensor): Tensor {
    return linear(x, this.weight.in(x.graph), this.bias?.in(x.graph));
  }
}

/**
 * Batch normalization of every channel: by the batch's statistics in training, by the running ones otherwise.
 *
 *     y = weight·(x − mean)/√(variance + eps) + bias
 *     running ← (1 − momentum)·running + momentum·batch   (unbiased variance), at every training step
 *
 * **Shapes**: x `[N, features, H, W]`, y the same; state `weight`, `bias`, `running_mean`, `running_var`, each `[features]`.
 *
 * - `eps` above 0, default 1e-5
 * - `momentum` 0 … 1, default 0.1: share of the new batch
 *
 * The running statistics change in the store. PyTorch's counter `num_batches_tracked` is not kept: nothing reads it at this momentum.
 *
 * **Throws** `UsageError` for a count that is not an integer above 0; when it is traced, what `batchNorm2d` throws, naming the layer.
 *
 * **Source**: Ioffe and Szegedy, "Batch Normalization"; `torch.nn.BatchNorm2d`.
 *
 * @example const bn = new BatchNorm2d(64);
 */
export class BatchNorm2d extends Module {
  readonly eps: number;
  readonly momentum: number;
  weight: Parameter;
  bias: Parameter;
  running_mean: Parameter;
  running_var: Parameter;

  constructor(features: number, { eps = 1e-5, momentum = 0.1 }: { eps?: number; momentum?: number } = {}) {
    super();
    checkCounts(this.constructor.name, { features });
    this.eps = eps;
    this.momentum = momentum;
    this.weight = new Parameter([features], constant(1));
    this.bias = new Parameter([features], constant(0));
    this.running_mean = new Parameter([features], constant(0), { buffer: true });
    this.running_var = new Parameter([features], constant(1), { buffer: true });
  }

  override forward(x: Tensor): Tensor {
    const [weight, bias, runningMean, runningVar] = [this.weight, this.bias, this.running_mean, this.running_var].map((p) => p.in(x.graph));
    const training = x.graph.training && !x.graph.isFrozen(this.path);
    return batchNorm2d(x, { weight, bias, runningMean, runningVar }, { training, eps: this.eps, momentum: this.momentum });
  }
}

/**
 * Keeps what is positive: max(x, 0). **Shapes**: any. **Source**: `torch.nn.ReLU`.
 *
 * @example new Sequential(new Conv2d(1, 16, 5), new ReLU());
 */
export class ReLU extends Module {
  override forward(x: Tensor): Tensor {
    return relu(x);
  }
}

/**
 * Largest value of each window.
 *
 * **Shapes**: x `[N, C, H, W]` → `[N, C, H′, W′]`.
 *
 * - `kernelSize` px; `stride` default `kernelSize`; `padding` (0), `dilation` (1), `ceilMode` (false) as in `maxPool2d`
 *
 * **Throws** what `maxPool2d` throws, naming the layer.
 *
 * **Source**: `torch.nn.MaxPool2d`.
 *
 * @example const pool = new MaxPool2d(3, { stride: 2, padding: 1 });
 */
export class MaxPool2d extends Module {
  readonly kernelSize: Pair;
  readonly options: MaxPool2dOptions;

  constructor(kernelSize: Pair, options: MaxPool2dOptions = {}) {
    super();
    this.kernelSize = kernelSize;
    this.options = options;
  }

  override forward(x: Tensor): Tensor {
    return maxPool2d(x, this.kernelSize, this.options);
  }
}

/**
 * Mean of each window.
 *
 * **Shapes**: x `[N, C, H, W]` → `[N, C, H′, W′]`.
 *
 * - `kernelSize` px; `stride` default `kernelSize`; `padding` (0), `ceilMode` (false), `countIncludePad` (true) as in `avgPool2d`
 *
 * **Throws** what `avgPool2d` throws, naming the layer.
 *
 * **Source**: `torch.nn.AvgPool2d`.
 *
 * @example const pool = new AvgPool2d(2);
 */
export class AvgPool2d extends Module {
  readonly kernelSize: Pair;
  readonly options: AvgPool2dOptions;

  constructor(kernelSize: Pair, options: AvgPool2dOptions = {}) {
    super();
    this.kernelSize = kernelSize;
    this.options = options;
  }

  override forward(x: Tensor): Tensor {
    return avgPool2d(x, this.kernelSize, this.options);
  }
}

/**
 * Mean of windows chosen so that the result has a given size.
 *
 * **Shapes**: x `[N, C, H, W]` → `[N, C, …outputSize]`.
 *
 * - `outputSize` a number or `[h, w]`, px; null keeps that axis
 *
 * **Throws** what `adaptiveAvgPool2d` throws, naming the layer.
 *
 * **Source**: `torch.nn.AdaptiveAvgPool2d`.
 *
 * @example const pool = new AdaptiveAvgPool2d(1);
 */
export class AdaptiveAvgPool2d extends Module {
  readonly outputSize: number | readonly [number | null, number | null];

  constructor(outputSize: number | readonly [number | null, number | null]) {
    super();
    this.outputSize = outputSize;
  }

  override forward(x: Tensor): Tensor {
    return adaptiveAvgPool2d(x, this.outputSize);
  }
}

/**
 * Zeroes elements at random in training and scales the others up, so that the mean stays; does nothing otherwise.
 *
 * **Shapes**: any.
 *
 * - `prob` 0 … 1, default 0.5: share of elements that are zeroed
 *
 * In training the graph has the i32 input `seed`: feed a new one at every step. Each layer draws its own numbers from it, told apart by its path.
 *
 * **Source**: Srivastava et al., "Dropout"; `torch.nn.Dropout`, with other random numbers.
 *
 * @example const drop = new Dropout(0.5);
 */
export class Dropout extends Module {
  readonly prob: number;

  constructor(prob = 0.5) {
    super();
    this.prob = prob;
  }

  override forward(x: Tensor): Tensor {
    if (!x.graph.training || this.prob === 0) return x;
    return dropout(x, x.graph.input('seed', [], 'i32'), { prob: this.prob });
  }
}

/**
 * Joins all axes after the first. **Shapes**: x `[N, …]` → `[N, product]`. **Source**: `torch.nn.Flatten`.
 *
 * @example new Sequential(new AdaptiveAvgPool2d(1), new Flatten(), new Linear(512, 10));
 */
export class Flatten extends Module {
  override forward(x: Tensor): Tensor {
    return flatten(x);
  }
}

/**
 * Modules one after the other; their numbers, from 0, are their names in the state dict.
 *
 * **Throws** `UsageError`, when the module tree is walked, for a part that is no module.
 *
 * **Source**: `torch.nn.Sequential`.
 *
 * @example const conv1 = new Sequential(new Conv2d(1, 16, 5), new ReLU(), new MaxPool2d(2)); // conv1.0.weight, conv1.0.bias
 */
export class Sequential extends Module {
  readonly parts: readonly Module[];

  constructor(...parts: Module[]) {
    super();
    this.parts = parts;
  }

  override *children(): Generator<[string, Module]> {
    for (const [i, part] of this.parts.entries()) yield [String(i), part];
  }

  override forward(x: Tensor): Tensor {
    return this.parts.reduce((y, part) => part.forward(y), x);
  }
}
