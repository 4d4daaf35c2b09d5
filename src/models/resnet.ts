import type { Tensor } from '../graph/tensor.ts';
import { kaimingNormal } from '../nn/init.ts';
import { AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Linear, MaxPool2d, ReLU, Sequential } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { add, flatten } from '../ops/index.ts';
import { type CreateOptions, type ModelSpec, stage } from './registry.ts';
import { imagenetWeights } from './weights.ts';

/** What a residual block consists of: kernel sizes of its convolutions, which of them strides, how much wider the last one is. */
export interface BlockKind {
  readonly kernels: readonly number[];
  readonly strided: number;
  readonly expansion: number;
}

const basic: BlockKind = { kernels: [3, 3], strided: 0, expansion: 1 };
const bottleneck: BlockKind = { kernels: [1, 3, 1], strided: 1, expansion: 4 };

/** Kind of block and number of blocks in each of the four layers, by the number of layers with weights. */
const depths: Readonly<Record<number, readonly [BlockKind, readonly number[]]>> = {
  18: [basic, [2, 2, 2, 2]],
  34: [basic, [3, 4, 6, 3]],
  50: [bottleneck, [3, 4, 6, 3]],
  101: [bottleneck, [3, 4, 23, 3]],
  152: [bottleneck, [3, 8, 36, 3]],
};
const widths = [64, 128, 256, 512];

const convolution = (inChannels: number, outChannels: number, kernel: number, stride: number): Conv2d =>
  new Conv2d(inChannels, outChannels, kernel, { stride, padding: (kernel - 1) / 2, bias: false, weightInit: kaimingNormal('fanOut') });

/**
 * A residual block: convolutions with batch norm, and a shortcut around them that is a 1×1 convolution where the shape changes.
 *
 *     y = relu(bn(conv(… relu(bn(conv(x))) …)) + shortcut(x))
 *
 * **Shapes**: x `[N, inChannels, H, W]` → `[N, width·expansion, ⌈H/stride⌉, ⌈W/stride⌉]`.
 *
 * **Source**: He et al., "Deep Residual Learning for Image Recognition", figures 2 and 5. The stride sits in the 3×3 convolution of a
 * bottleneck, as in torchvision; in the paper in the first 1×1.
 *
 * @example const block = new ResidualBlock(64, 128, 2, { kernels: [3, 3], strided: 0, expansion: 1 });
 */
export class ResidualBlock extends Module {
  readonly convolutions: readonly (readonly [Conv2d, BatchNorm2d])[];
  readonly relu = new ReLU();
  readonly downsample?: Sequential;

  constructor(inChannels: number, width: number, stride: number, { kernels, strided, expansion }: BlockKind) {
    super();
    const outChannels = width * expansion;
    this.convolutions = kernels.map((kernel, i) => {
      const out = i === kernels.length - 1 ? outChannels : width;
      return [convolution(i ? width : inChannels, out, kernel, i === strided ? stride : 1), new BatchNorm2d(out)];
    });
    if (stride > 1 || inChannels !== outChannels)
      this.downsample = new Sequential(convolution(inChannels, outChannels, 1, stride), new BatchNorm2d(outChannels));
  }

  override *children(): Generator<[string, Module]> {
    for (const [i, [conv, bn]] of this.convolutions.entries()) {
      yield [`conv${i + 1}`, conv];
      yield [`bn${i + 1}`, bn];
    }
    yield ['relu', this.relu];
    if (this.downsample) yield ['downsample', this.downsample];
  }

  override forward(x: Tensor): Tensor {
    const branch = this.convolutions.reduce((y, [conv, bn], i) => bn.forward(conv.forward(i ? this.relu.forward(y) : y)), x);
    return this.relu.forward(add(branch, this.downsample?.forward(x) ?? x));
  }
}

export type ResNetOptions = CreateOptions & {
  readonly kind: BlockKind;
  /** Blocks in each of the four layers. */
  readonly blocks: readonly number[];
};

/**
 * ResNet: four layers of residual blocks, each but the first halving the picture, then global average pooling and one linear layer.
 *
 *     [3,224,224] → 64×112² → 64×56² → layer1 56² → layer2 28² → layer3 14² → layer4 7² → mean → classes
 *
 * **Shapes**: x `[N,C,H,W]` of any size; scores `[N,classes]`. 11 689 512 parameters for resnet18, 25 557 032 for resnet50, with 3 channels
 * and 1000 classes.
 *
 * State-dict keys: `conv1.weight`, `bn1.weight` … `layer4.1.bn2.running_var`, `fc.bias`, as torchvision's. Convolutions begin with He's
 * normal distribution (fan out).
 *
 * **Source**: He et al., "Deep Residual Learning for Image Recognition", 2015, table 1; `torchvision.models.resnet50`.
 *
 * @example const model = createModel('resnet18', { classes: 102 });
 */
export class ResNet extends Module {
  conv1: Conv2d;
  bn1 = new BatchNorm2d(64);
  relu = new ReLU();
  maxpool = new MaxPool2d(3, { stride: 2, padding: 1 });
  layer1: Sequential;
  layer2: Sequential;
  layer3: Sequential;
  layer4: Sequential;
  avgpool = new AdaptiveAvgPool2d(1);
  fc: Linear;

  constructor({ classes, inChannels, kind, blocks }: ResNetOptions) {
    super();
    this.conv1 = convolution(inChannels, 64, 7, 2);
    let channels = 64;
    const layers = widths.map((width, layer) => {
      const parts = Array.from({ length: blocks[layer] }, (_, i) => {
        const block = new ResidualBlock(channels, width, layer && !i ? 2 : 1, kind);
        channels = width * kind.expansion;
        return block;
      });
      return new Sequential(...parts);
    });
    [this.layer1, this.layer2, this.layer3, this.layer4] = layers;
    this.fc = new Linear(channels, classes);
  }

  override forward(x: Tensor): Tensor {
    const stem = this.maxpool.forward(this.relu.forward(this.bn1.forward(this.conv1.forward(x))));
    const features = [this.layer1, this.layer2, this.layer3, this.layer4].reduce((y, layer) => layer.forward(y), stem);
    return this.fc.forward(flatten(this.avgpool.forward(features)));
  }
}

export const resnetModels: ModelSpec[] = Object.entries(depths).map(([depth, [kind, blocks]]) => ({
  name: `resnet${depth}`,
  doc: `ResNet with ${depth} layers.`,
  inputShape: [3, 224, 224],
  head: ['fc'],
  stages: [stage('stem', 'conv1', 'bn1'), stage('layer1'), stage('layer2'), stage('layer3'), stage('layer4'), stage('fc')],
  weights: imagenetWeights(`resnet${depth}`),
  create: (options) => new ResNet({ ...options, kind, blocks }),
}));
