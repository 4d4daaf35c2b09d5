import { UsageError } from '../core/errors.ts';
import { type Shape, sizeOf } from '../core/shape.ts';
import type { Init } from './module.ts';

/** Number of inputs that meet in one output of a weight `[O, I, …]`: I times the size of the kernel. */
export const fanIn = (shape: Shape): number => sizeOf(shape.slice(1));

/** Number of outputs that one input of a weight `[O, I, …]` reaches: O times the size of the kernel. */
export const fanOut = (shape: Shape): number => shape[0] * sizeOf(shape.slice(2));

/** Every element the same. */
export const constant =
  (value: number): Init =>
  (data) => {
    data.fill(value);
  };

/** Uniform in [low, high). */
export const uniform =
  (low: number, high: number): Init =>
  (data, _shape, rng) => {
    for (let i = 0; i < data.length; i++) data[i] = rng.uniform(low, high);
  };

/** Normal with a mean (default 0) and a standard deviation (default 1). */
export const normal =
  (std = 1, mean = 0): Init =>
  (data, _shape, rng) => {
    for (let i = 0; i < data.length; i++) data[i] = rng.normal(mean, std);
  };

/**
 * What `torch.nn.Conv2d` and `Linear` begin with: uniform within ±1/√fanIn. A weight finds its fan by its shape; a bias is told its weight's.
 *
 * **Source**: PyTorch, `kaiming_uniform_` with a = √5, whose gain √(2/(1+5)) times √(3/fanIn) is 1/√fanIn.
 *
 * @example new Parameter([16, 1, 5, 5], torchDefault())
 */
export const torchDefault =
  (fan?: number): Init =>
  (data, shape, rng) => {
    const bound = 1 / Math.sqrt(fan ?? fanIn(shape));
    uniform(-bound, bound)(data, shape, rng);
  };

/**
 * Normal with standard deviation √(2/fan): keeps the variance from layer to layer through ReLUs.
 *
 * - `mode` `'fanIn'` (default) keeps it forward, `'fanOut'` (ResNet, DenseNet) backward
 *
 * **Source**: He et al., "Delving Deep into Rectifiers", section 2.2; `torch.nn.init.kaiming_normal_`.
 */
export const kaimingNormal =
  (mode: 'fanIn' | 'fanOut' = 'fanIn'): Init =>
  (data, shape, rng) => {
    normal(Math.sqrt(2 / (mode === 'fanIn' ? fanIn(shape) : fanOut(shape))))(data, shape, rng);
  };

/**
 * Uniform within ±√(6/(fanIn + fanOut)): keeps the variance both ways through linear layers.
 *
 * **Source**: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", section 4.2.1;
 * `torch.nn.init.xavier_uniform_`.
 */
export const xavierUniform = (): Init => (data, shape, rng) => {
  const bound = Math.sqrt(6 / (fanIn(shape) + fanOut(shape)));
  uniform(-bound, bound)(data, shape, rng);
};

/**
 * Uniform within ±√(6/fanIn): what `kaimingNormal` is, with a uniform distribution of the same variance.
 *
 * **Source**: He et al., "Delving Deep into Rectifiers", section 2.2; `torch.nn.init.kaiming_uniform_` with a = 0.
 */
export const kaimingUniform = (): Init => (data, shape, rng) => {
  const bound = Math.sqrt(6 / fanIn(shape));
  uniform(-bound, bound)(data, shape, rng);
};

/**
 * Normal, drawn again wherever it falls outside [low, high].
 *
 * - `std` above 0, default 1; `mean` default 0
 * - `low`, `high` default ±2: bounds of the values themselves, not multiples of `std`; the mean lies between them
 *
 * **Throws** `UsageError` for a `std` that is not above 0, or bounds that the mean does not lie between: no number would be drawn within them.
 *
 * **Source**: `torch.nn.init.trunc_normal_`, with other random numbers.
 */
export const truncatedNormal = (std = 1, mean = 0, low = -2, high = 2): Init => {
  if (!(std > 0 && std < Infinity && low < high && low <= mean && mean <= high))
    throw new UsageError({
      where: 'truncatedNormal',
      expected: 'std above 0, and low < high with the mean between them',
      got: `std ${std}, mean ${mean}, low ${low}, high ${high}`,
    });
  return (data, _shape, rng) => {
    for (let i = 0; i < data.length; i++)
      do data[i] = rng.normal(mean, std);
      while (data[i] < low || data[i] > high);
  };
};
