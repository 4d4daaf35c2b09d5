import type { Tensor } from '../graph/tensor.ts';
import { Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { type ModelSpec, stage } from './registry.ts';

/**
 * The small CNN of the course's first project: two blocks of 5×5 convolution, ReLU and 2×2 max pooling, then one linear layer.
 *
 *     [C,28,28] → 16 × 28 × 28 → 16 × 14 × 14 → 32 × 14 × 14 → 32 × 7 × 7 → classes
 *
 * **Shapes**: x `[N,C,28,28]`; scores `[N,classes]`. 28 938 parameters for 1 channel and 10 classes.
 *
 * State-dict keys: `conv1.0.weight`, `conv1.0.bias`, `conv2.0.weight`, `conv2.0.bias`, `out.weight`, `out.bias`.
 *
 * @example const model = new CourseCnn({ classes: 10, inChannels: 1 });
 */
export class CourseCnn extends Module {
  conv1: Sequential;
  conv2: Sequential;
  flatten = new Flatten();
  out: Linear;

  constructor({ classes, inChannels }: { classes: number; inChannels: number }) {
    super();
    this.conv1 = new Sequential(new Conv2d(inChannels, 16, 5, { padding: 2 }), new ReLU(), new MaxPool2d(2));
    this.conv2 = new Sequential(new Conv2d(16, 32, 5, { padding: 2 }), new ReLU(), new MaxPool2d(2));
    this.out = new Linear(32 * 7 * 7, classes);
  }

  override forward(x: Tensor): Tensor {
    return this.out.forward(this.flatten.forward(this.conv2.forward(this.conv1.forward(x))));
  }
}

export const courseCnn: ModelSpec = {
  name: 'course-cnn',
  doc: 'The small CNN of the course’s first project, for 28×28 digits.',
  inputShape: [1, 28, 28],
  head: ['out'],
  stages: [stage('conv1'), stage('conv2'), stage('out')],
  create: (options) => new CourseCnn(options),
};
