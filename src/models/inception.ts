import { UsageError } from '../core/errors.ts';
import type { Tensor } from '../graph/tensor.ts';
import { truncatedNormal } from '../nn/init.ts';
import { AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Dropout, Linear, MaxPool2d } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { avgPool2d, batchNormInference, type Conv2dOptions, concat, fill, flatten, maxPool2d, relu } from '../ops/index.ts';
import { type Branch, branchBlocks, convolutionsOf } from './inception-blocks.ts';
import { type CreateOptions, type ModelSpec, stage } from './registry.ts';
import { imagenet, imagenetWeights } from './weights.ts';

/** Convolution without bias, batch norm (eps 1e-3), ReLU: state-dict keys `conv.weight`, `bn.weight` … */
export class BasicConv2d extends Module {
  conv: Conv2d;
  bn: BatchNorm2d;

  constructor(inChannels: number, outChannels: number, kernelSize: number | readonly [number, number], options: Conv2dOptions = {}) {
    super();
    this.conv = new Conv2d(inChannels, outChannels, kernelSize, { ...options, bias: false, weightInit: truncatedNormal(0.1) });
    this.bn = new BatchNorm2d(outChannels, { eps: 1e-3 });
  }

  override forward(x: Tensor): Tensor {
    return relu(this.bn.forward(this.conv.forward(x)));
  }
}

/**
 * Inception block: branches side by side over one input, their results put one behind the other along the channels.
 *
 * **Shapes**: x `[N, inChannels, H, W]` → `[N, sum of the branches' last channels, H′, W′]`.
 *
 * **Source**: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", figures 5 to 7 and 10.
 *
 * @example const block = new InceptionBlock(192, branchBlocks.Mixed_5b);
 */
export class InceptionBlock extends Module {
  readonly branches: readonly Branch[];
  readonly convolutions = new Map<string, BasicConv2d>();
  readonly outChannels: number;

  constructor(inChannels: number, branches: readonly Branch[]) {
    super();
    this.branches = branches;
    let outChannels = 0;
    for (const branch of branches) {
      let channels = inChannels;
      for (const step of branch.steps) {
        const rows = convolutionsOf(step);
        for (const { name, channels: out, kernel, stride } of rows)
          this.convolutions.set(
            name,
            new BasicConv2d(channels, out, kernel, { stride, padding: stride === 1 ? [(kernel[0] - 1) / 2, (kernel[1] - 1) / 2] : 0 }),
          );
        channels = rows.reduce((sum, row) => sum + row.channels, 0);
      }
      outChannels += channels;
    }
    this.outChannels = outChannels;
  }

  override *children(): Generator<[string, Module]> {
    yield* this.convolutions;
  }

  override forward(x: Tensor): Tensor {
    return concat(
      this.branches.map(({ pool, steps }) =>
        steps.reduce(
          (y, step) => {
            const results = convolutionsOf(step).map(({ name }) => this.convolutions.get(name)!.forward(y));
            return results.length > 1 ? concat(results) : results[0];
          },
          pooled(x, pool),
        ),
      ),
    );
  }
}

function pooled(x: Tensor, pool: Branch['pool']): Tensor {
  if (pool === 'average') return avgPool2d(x, 3, { stride: 1, padding: 1 });
  return pool === 'max' ? maxPool2d(x, 3, { stride: 2 }) : x;
}

/** A small classifier on the maps of an inner layer, for training only. */
export class InceptionAux extends Module {
  conv0: BasicConv2d;
  conv1 = new BasicConv2d(128, 768, 5);
  avgpool = new AdaptiveAvgPool2d(1);
  fc: Linear;

  constructor(inChannels: number, classes: number) {
    super();
    this.conv0 = new BasicConv2d(inChannels, 128, 1);
    this.fc = new Linear(768, classes, { weightInit: truncatedNormal(0.001) });
  }

  override forward(x: Tensor): Tensor {
    const features = this.conv1.forward(this.conv0.forward(avgPool2d(x, 5, { stride: 3 })));
    return this.fc.forward(flatten(this.avgpool.forward(features)));
  }
}

/**
 * Inception v3: convolutions in parallel branches, large kernels split into small or one-dimensional ones, and in training a second
 * classifier inside the network.
 *
 *     [3,299,299] → 192×35² → 288×35² → 768×17² → 1280×8² → 2048×8² → mean → classes
 *
 * **Shapes**: x `[N,C,H,W]`, H and W from 75 in evaluation and, for the inner classifier's 5×5 windows, from 299 in training; scores
 * `[N,classes]`. In training the graph has the output `aux` `[N,classes]` too, whose loss counts `auxiliaryWeight` = 0.4. 27 161 264
 * parameters for 3 channels and 1000 classes.
 *
 * - `dropout` 0 … 1, default 0.5: before the last layer
 * - `transformInput` default false: takes pictures normalised with ImageNet's mean and deviation, as the other models do, and changes them
 *   to mean 0.5 and deviation 0.5, with which the ImageNet weights were trained. Needs 3 channels.
 *
 * State-dict keys: `Conv2d_1a_3x3.conv.weight` … `AuxLogits.fc.bias` … `fc.bias`, as torchvision's. Weights begin with a normal
 * distribution of standard deviation 0.1 (0.001 in the inner classifier's last layer) within ±2.
 *
 * **Throws** `UsageError` for `transformInput` with another number of channels than 3; at tracing `ShapeError` if the picture is too small.
 *
 * **Source**: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2015, table 1;
 * `torchvision.models.inception_v3`.
 *
 * @example const model = createModel('inception_v3', { classes: 102 });
 */
export class Inception3 extends Module {
  override readonly auxiliaryWeight = 0.4;
  readonly transformInput: boolean;
  Conv2d_1a_3x3: BasicConv2d;
  Conv2d_2a_3x3 = new BasicConv2d(32, 32, 3);
  Conv2d_2b_3x3 = new BasicConv2d(32, 64, 3, { padding: 1 });
  maxpool1 = new MaxPool2d(3, { stride: 2 });
  Conv2d_3b_1x1 = new BasicConv2d(64, 80, 1);
  Conv2d_4a_3x3 = new BasicConv2d(80, 192, 3);
  maxpool2 = new MaxPool2d(3, { stride: 2 });
  /** The blocks up to where the inner classifier reads, and those after it. */
  readonly lower: ReadonlyMap<string, InceptionBlock>;
  AuxLogits: InceptionAux;
  readonly upper: ReadonlyMap<string, InceptionBlock>;
  avgpool = new AdaptiveAvgPool2d(1);
  dropout: Dropout;
  fc: Linear;

  constructor({ classes, inChannels, dropout = 0.5, transformInput = false }: CreateOptions) {
    super();
    if (transformInput && inChannels !== 3)
      throw new UsageError({ where: 'inception_v3', expected: '3 channels for transformInput', got: `${inChannels}` });
    this.transformInput = transformInput;
    this.Conv2d_1a_3x3 = new BasicConv2d(inChannels, 32, 3, { stride: 2 });
    let channels = 192;
    const blocks = Object.entries(branchBlocks).map(([name, branches]): [string, InceptionBlock] => {
      const block = new InceptionBlock(channels, branches);
      channels = block.outChannels;
      return [name, block];
    });
    this.lower = new Map(blocks.filter(([name]) => !isUpper(name)));
    this.upper = new Map(blocks.filter(([name]) => isUpper(name)));
    this.AuxLogits = new InceptionAux([...this.lower.values()].at(-1)!.outChannels, classes);
    this.dropout = new Dropout(dropout);
    this.fc = new Linear(channels, classes, { weightInit: truncatedNormal(0.1) });
  }

  override *children(): ReturnType<Module['children']> {
    for (const [name, part] of super.children()) {
      if (part === this.AuxLogits) yield* this.lower;
      yield [name, part];
      if (part === this.AuxLogits) yield* this.upper;
    }
  }

  override forward(x: Tensor): Tensor {
    const stem = [
      ...[this.Conv2d_1a_3x3, this.Conv2d_2a_3x3, this.Conv2d_2b_3x3, this.maxpool1],
      ...[this.Conv2d_3b_1x1, this.Conv2d_4a_3x3, this.maxpool2],
    ].reduce((y: Tensor, part: Module) => part.forward(y), this.transformInput ? toHalfHalf(x) : x);
    const middle = [...this.lower.values()].reduce((y, block) => block.forward(y), stem);
    if (x.graph.training) x.graph.output('aux', this.AuxLogits.forward(middle));
    const features = [...this.upper.values()].reduce((y, block) => block.forward(y), middle);
    return this.fc.forward(flatten(this.dropout.forward(this.avgpool.forward(features))));
  }
}

const isUpper = (name: string): boolean => name.startsWith('Mixed_7');

/** From ImageNet's mean and deviation to 0.5 and 0.5: y = x·std/0.5 + (mean − 0.5)/0.5 for each channel. */
function toHalfHalf(x: Tensor): Tensor {
  const perChannel = (values: readonly number[]): Tensor =>
    concat(
      values.map((value) => fill(x.graph, value, [1])),
      0,
    );
  const [zeros, ones] = [0, 1].map((value) => fill(x.graph, value, [3]));
  const scale = perChannel(imagenet.std.map((std) => std / 0.5));
  const shift = perChannel(imagenet.mean.map((mean) => (mean - 0.5) / 0.5));
  return batchNormInference(x, scale, shift, zeros, ones, { eps: 0 });
}

const stem = ['Conv2d_1a_3x3', 'Conv2d_2a_3x3', 'Conv2d_2b_3x3', 'Conv2d_3b_1x1', 'Conv2d_4a_3x3'];

export const inceptionModels: ModelSpec[] = [
  {
    name: 'inception_v3',
    doc: 'Inception v3, for pictures of 299 px.',
    inputShape: [3, 299, 299],
    head: ['AuxLogits.fc', 'fc'],
    // The inner classifier stands with the outer one: it trains as long as anything does.
    stages: [...[...stem, ...Object.keys(branchBlocks)].map((name) => stage(name)), stage('fc', 'AuxLogits', 'fc')],
    accepts: ['dropout', 'transformInput'],
    weights: imagenetWeights('inception_v3'),
    create: (options) => new Inception3(options),
  },
];
