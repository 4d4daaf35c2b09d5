import type { Tensor } from '../graph/tensor.ts';
import { constant, kaimingNormal, normal } from '../nn/init.ts';
import { AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Dropout, Linear, MaxPool2d, ReLU, Sequential } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { flatten } from '../ops/index.ts';
import { type CreateOptions, type ModelSpec, type Stage, stage } from './registry.ts';
import { imagenetWeights } from './weights.ts';

/** Convolutions in each of the five blocks, by the number of layers with weights. */
const depths: Readonly<Record<number, readonly number[]>> = {
  11: [1, 1, 2, 2, 2],
  13: [2, 2, 2, 2, 2],
  16: [2, 2, 3, 3, 3],
  19: [2, 2, 4, 4, 4],
};
const widths = [64, 128, 256, 512, 512];

export type VggOptions = CreateOptions & {
  /** Convolutions in each of the five blocks. */
  readonly convolutions: readonly number[];
  /** Batch norm after every convolution; default false. */
  readonly batchNorm?: boolean;
};

/**
 * VGG: blocks of 3×3 convolutions, each block ended by 2×2 max pooling, then three fully connected layers.
 *
 *     [3,224,224] → 64×112² → 128×56² → 256×28² → 512×14² → 512×7² → 4096 → 4096 → classes
 *
 * **Shapes**: x `[N,C,H,W]`, H and W from 32; scores `[N,classes]`. 138 357 544 parameters for vgg16, 3 channels and 1000 classes.
 *
 * - `dropout` 0 … 1, default 0.5: after each of the first two linear layers
 *
 * State-dict keys: `features.0.weight` … `classifier.6.bias`, as torchvision's; with batch norm the numbers in `features` shift.
 * Convolutions begin with He's normal distribution (fan out), linear layers with a standard deviation of 0.01, biases with 0.
 *
 * **Source**: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014, table 1 (columns A, B,
 * D, E); `torchvision.models.vgg16`.
 *
 * @example const model = new Vgg({ classes: 102, inChannels: 3, convolutions: [2, 2, 3, 3, 3] });
 */
export class Vgg extends Module {
  features: Sequential;
  avgpool = new AdaptiveAvgPool2d(7);
  classifier: Sequential;

  constructor({ classes, inChannels, convolutions, batchNorm = false, dropout = 0.5 }: VggOptions) {
    super();
    const layers: Module[] = [];
    let channels = inChannels;
    for (const [block, count] of convolutions.entries()) {
      const width = widths[block];
      for (let i = 0; i < count; i++) {
        layers.push(new Conv2d(channels, width, 3, { padding: 1, weightInit: kaimingNormal('fanOut'), biasInit: constant(0) }));
        if (batchNorm) layers.push(new BatchNorm2d(width));
        layers.push(new ReLU());
        channels = width;
      }
      layers.push(new MaxPool2d(2));
    }
    this.features = new Sequential(...layers);
    const linear = (inFeatures: number, outFeatures: number) =>
      new Linear(inFeatures, outFeatures, { weightInit: normal(0.01), biasInit: constant(0) });
    this.classifier = new Sequential(
      ...[linear(512 * 7 * 7, 4096), new ReLU(), new Dropout(dropout)],
      ...[linear(4096, 4096), new ReLU(), new Dropout(dropout)],
      linear(4096, classes),
    );
  }

  override forward(x: Tensor): Tensor {
    return this.classifier.forward(flatten(this.avgpool.forward(this.features.forward(x))));
  }
}

/** The blocks between two poolings, by the numbers of their layers in `features`. */
function stagesOf(convolutions: readonly number[], batchNorm: boolean): Stage[] {
  const perConvolution = batchNorm ? 3 : 2;
  let first = 0;
  const blocks = convolutions.map((count, block) => {
    const layers = Array.from({ length: count * perConvolution }, (_, i) => `features.${first + i}`);
    first += layers.length + 1;
    return stage(`block${block + 1}`, ...layers);
  });
  return [...blocks, stage('classifier.0'), stage('classifier.3'), stage('classifier.6')];
}

export const vggModels: ModelSpec[] = Object.entries(depths).flatMap(([depth, convolutions]) =>
  [false, true].map((batchNorm) => ({
    name: `vgg${depth}${batchNorm ? '_bn' : ''}`,
    doc: `VGG with ${depth} layers${batchNorm ? ' and batch norm' : ''}.`,
    inputShape: [3, 224, 224],
    head: ['classifier.6'],
    stages: stagesOf(convolutions, batchNorm),
    accepts: ['dropout'],
    weights: imagenetWeights(`vgg${depth}${batchNorm ? '_bn' : ''}`),
    create: (options) => new Vgg({ ...options, convolutions, batchNorm }),
  })),
);
