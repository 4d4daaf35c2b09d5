import type { Tensor } from '../graph/tensor.ts';
import { constant, kaimingNormal } from '../nn/init.ts';
import { AdaptiveAvgPool2d, AvgPool2d, BatchNorm2d, Conv2d, Dropout, Linear, MaxPool2d, ReLU } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { concat, flatten, relu } from '../ops/index.ts';
import { NamedSequential } from './named-sequential.ts';
import { type CreateOptions, type ModelSpec, stage } from './registry.ts';
import { imagenetWeights } from './weights.ts';

/** Channels after the first convolution, channels each layer adds, layers in each of the four blocks. */
interface Plan {
  readonly channels: number;
  readonly growth: number;
  readonly blocks: readonly number[];
}

const plans: Readonly<Record<number, Plan>> = {
  121: { channels: 64, growth: 32, blocks: [6, 12, 24, 16] },
  161: { channels: 96, growth: 48, blocks: [6, 12, 36, 24] },
  169: { channels: 64, growth: 32, blocks: [6, 12, 32, 32] },
  201: { channels: 64, growth: 32, blocks: [6, 12, 48, 32] },
};

/** The 1×1 convolution of a layer makes this many times `growth` channels. */
const bottleneckFactor = 4;

const convolution = (inChannels: number, outChannels: number, kernel: number, stride = 1): Conv2d =>
  new Conv2d(inChannels, outChannels, kernel, { stride, padding: (kernel - 1) / 2, bias: false, weightInit: kaimingNormal() });

/**
 * One layer of a dense block: adds `growth` channels to those there are.
 *
 *     y = [x, conv2(relu(norm2(conv1(relu(norm1(x))))))]
 *
 * **Shapes**: x `[N, inChannels, H, W]` → `[N, inChannels + growth, H, W]`.
 *
 * - `dropout` 0 … 1: of the new channels
 *
 * **Source**: Huang et al., "Densely Connected Convolutional Networks", section 3 (DenseNet-B).
 *
 * @example const layer = new DenseLayer(64, 32, 0);
 */
export class DenseLayer extends Module {
  norm1: BatchNorm2d;
  relu1 = new ReLU();
  conv1: Conv2d;
  norm2: BatchNorm2d;
  relu2 = new ReLU();
  conv2: Conv2d;
  dropout: Dropout;

  constructor(inChannels: number, growth: number, dropout: number) {
    super();
    const width = bottleneckFactor * growth;
    this.norm1 = new BatchNorm2d(inChannels);
    this.conv1 = convolution(inChannels, width, 1);
    this.norm2 = new BatchNorm2d(width);
    this.conv2 = convolution(width, growth, 3);
    this.dropout = new Dropout(dropout);
  }

  override forward(x: Tensor): Tensor {
    const bottleneck = this.conv1.forward(this.relu1.forward(this.norm1.forward(x)));
    // Joined layer by layer, not all anew in each: the gradient needs two slices a layer, not one for every earlier layer.
    return concat([x, this.dropout.forward(this.conv2.forward(this.relu2.forward(this.norm2.forward(bottleneck))))]);
  }
}

/**
 * DenseNet (BC): in a block every layer sees the maps of all layers before it; between blocks a transition halves channels and picture.
 *
 *     121: [3,224,224] → 64×112² → 64×56² → 256×56² → 128×28² → 512×28² → 256×14² → 1024×14² → 512×7² → 1024×7² → mean → classes
 *
 * **Shapes**: x `[N,C,H,W]`, H and W from 29; scores `[N,classes]`. 7 978 856 parameters for densenet121, 3 channels and 1000 classes.
 *
 * - `dropout` 0 … 1, default 0: of the channels each layer adds
 *
 * State-dict keys: `features.conv0.weight`, `features.denseblock1.denselayer1.norm1.weight` … `classifier.bias`, as torchvision's.
 * Convolutions begin with He's normal distribution (fan in), the last bias with 0.
 *
 * **Source**: Huang et al., "Densely Connected Convolutional Networks", 2016, table 1; `torchvision.models.densenet121`.
 *
 * @example const model = createModel('densenet121', { classes: 102 });
 */
export class DenseNet extends Module {
  features: NamedSequential;
  avgpool = new AdaptiveAvgPool2d(1);
  classifier: Linear;

  constructor({ classes, inChannels, dropout = 0, plan }: CreateOptions & { readonly plan: Plan }) {
    super();
    const { growth, blocks } = plan;
    let { channels } = plan;
    const parts: [string, Module][] = [
      ['conv0', convolution(inChannels, channels, 7, 2)],
      ['norm0', new BatchNorm2d(channels)],
      ['relu0', new ReLU()],
      ['pool0', new MaxPool2d(3, { stride: 2, padding: 1 })],
    ];
    for (const [block, count] of blocks.entries()) {
      const layers = Array.from({ length: count }, (_, i): [string, Module] => [
        `denselayer${i + 1}`,
        new DenseLayer(channels + i * growth, growth, dropout),
      ]);
      parts.push([`denseblock${block + 1}`, new NamedSequential(layers)]);
      channels += count * growth;
      if (block === blocks.length - 1) break;
      parts.push([`transition${block + 1}`, transition(channels)]);
      channels /= 2;
    }
    this.features = new NamedSequential([...parts, ['norm5', new BatchNorm2d(channels)]]);
    this.classifier = new Linear(channels, classes, { biasInit: constant(0) });
  }

  override forward(x: Tensor): Tensor {
    return this.classifier.forward(flatten(this.avgpool.forward(relu(this.features.forward(x)))));
  }
}

const transition = (channels: number): Module =>
  new NamedSequential([
    ['norm', new BatchNorm2d(channels)],
    ['relu', new ReLU()],
    ['conv', convolution(channels, channels / 2, 1)],
    ['pool', new AvgPool2d(2)],
  ]);

const body = [1, 2, 3, 4].flatMap((i) => [`denseblock${i}`, ...(i < 4 ? [`transition${i}`] : [])]);

export const densenetModels: ModelSpec[] = Object.entries(plans).map(([depth, plan]) => ({
  name: `densenet${depth}`,
  doc: `DenseNet with ${depth} layers.`,
  inputShape: [3, 224, 224],
  head: ['classifier'],
  stages: [
    stage('stem', 'features.conv0', 'features.norm0'),
    ...body.map((part) => stage(part, `features.${part}`)),
    stage('norm5', 'features.norm5'),
    stage('classifier'),
  ],
  accepts: ['dropout'],
  weights: imagenetWeights(`densenet${depth}`),
  // Files of the time when module names could hold dots, torchvision's own among them.
  renames: [[/(\.denselayer\d+\.(?:norm|conv))\.([12])\./, '$1$2.']],
  create: (options) => new DenseNet({ ...options, plan }),
}));
