import type { Tensor } from '../graph/tensor.ts';
import { AdaptiveAvgPool2d, Conv2d, Dropout, Linear, MaxPool2d, ReLU, Sequential } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { flatten } from '../ops/index.ts';
import { type CreateOptions, type ModelSpec, stage } from './registry.ts';
import { imagenetWeights } from './weights.ts';

/**
 * AlexNet: five convolutions and three fully connected layers, in the version with one tower.
 *
 *     [3,224,224] → 64×55² → 192×27² → 384×13² → 256×13² → 256×6² → 4096 → 4096 → classes
 *
 * **Shapes**: x `[N,C,H,W]`, H and W from 63; scores `[N,classes]`. 61 100 840 parameters for 3 channels and 1000 classes.
 *
 * - `dropout` 0 … 1, default 0.5: before each of the first two linear layers
 *
 * State-dict keys: `features.0.weight` … `classifier.6.bias`, as torchvision's.
 *
 * **Source**: Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014, section 5, after Krizhevsky et al.,
 * "ImageNet Classification with Deep Convolutional Neural Networks", 2012; `torchvision.models.alexnet`.
 *
 * @example const model = new AlexNet({ classes: 102, inChannels: 3 });
 */
export class AlexNet extends Module {
  features: Sequential;
  avgpool = new AdaptiveAvgPool2d(6);
  classifier: Sequential;

  constructor({ classes, inChannels, dropout = 0.5 }: CreateOptions) {
    super();
    const pool = () => new MaxPool2d(3, { stride: 2 });
    this.features = new Sequential(
      ...[new Conv2d(inChannels, 64, 11, { stride: 4, padding: 2 }), new ReLU(), pool()],
      ...[new Conv2d(64, 192, 5, { padding: 2 }), new ReLU(), pool()],
      ...[new Conv2d(192, 384, 3, { padding: 1 }), new ReLU()],
      ...[new Conv2d(384, 256, 3, { padding: 1 }), new ReLU()],
      ...[new Conv2d(256, 256, 3, { padding: 1 }), new ReLU(), pool()],
    );
    this.classifier = new Sequential(
      ...[new Dropout(dropout), new Linear(256 * 6 * 6, 4096), new ReLU()],
      ...[new Dropout(dropout), new Linear(4096, 4096), new ReLU()],
      new Linear(4096, classes),
    );
  }

  override forward(x: Tensor): Tensor {
    return this.classifier.forward(flatten(this.avgpool.forward(this.features.forward(x))));
  }
}

const layers = ['features.0', 'features.3', 'features.6', 'features.8', 'features.10', 'classifier.1', 'classifier.4', 'classifier.6'];

export const alexnetModels: ModelSpec[] = [
  {
    name: 'alexnet',
    doc: 'AlexNet of 2014: five convolutions, three fully connected layers.',
    inputShape: [3, 224, 224],
    head: ['classifier.6'],
    stages: layers.map((layer) => stage(layer)),
    accepts: ['dropout'],
    weights: imagenetWeights('alexnet'),
    create: (options) => new AlexNet(options),
  },
];
