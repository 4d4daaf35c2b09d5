import type { StateDict } from '../../src/core/index.ts';
import type { Tensor } from '../../src/graph/index.ts';
import { BatchNorm2d, Conv2d, Linear, Module } from '../../src/nn/index.ts';
import { adaptiveAvgPool2d, add, avgPool2d, concat, flatten, maxPool2d, relu } from '../../src/ops/index.ts';
import { numbers } from './formula.ts';

/** The network of the same name in make_golden.py: every structure that larger networks have. */
export class SmallNet extends Module {
  stem = new Conv2d(4, 6, 3, { stride: 2, padding: 1, groups: 2, bias: false });
  bn = new BatchNorm2d(6);
  branch = new Conv2d(6, 6, 3, { padding: 2, dilation: 2 });
  bn2 = new BatchNorm2d(6, { eps: 1e-3 });
  reduce = new Conv2d(12, 7, [1, 3], { padding: [0, 1] });
  out = new Linear(7 * 2 * 2, 5);

  override forward(input: Tensor): Tensor {
    const stem = relu(this.bn.forward(this.stem.forward(input)));
    const x = maxPool2d(stem, 3, { stride: 2, padding: 1, ceilMode: true });
    const y = relu(add(this.bn2.forward(this.branch.forward(x)), x));
    const joined = avgPool2d(concat([y, x]), 2, { stride: 1, padding: 1, ceilMode: true, countIncludePad: false });
    const pooled = avgPool2d(this.reduce.forward(joined), 3, { stride: 2, padding: 1, ceilMode: true });
    return this.out.forward(flatten(adaptiveAvgPool2d(pooled, 2)));
  }
}

/** Parameters and buffers by the rule that make_golden.py describes. */
export function formulaState(module: Module): StateDict {
  const state: StateDict = new Map();
  let seed = 0;
  for (const [name, { shape }] of module.parameters()) {
    seed += 1;
    const elements = shape.reduce((a, b) => a * b, 1);
    const data = numbers(seed, shape, shape.length > 1 ? (elements / shape[0]) ** -0.5 : 0.1);
    const positive = name.endsWith('running_var') || (name.endsWith('weight') && shape.length === 1);
    state.set(name, { dtype: 'f32', shape, data: positive ? data.map((v) => v + 1) : data });
  }
  return state;
}
