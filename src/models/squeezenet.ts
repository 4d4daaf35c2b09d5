import type { Tensor } from '../graph/tensor.ts';
import { constant, kaimingUniform, normal } from '../nn/init.ts';
import { AdaptiveAvgPool2d, Conv2d, Dropout, MaxPool2d, ReLU, Sequential } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { concat, flatten } from '../ops/index.ts';
import { type CreateOptions, type ModelSpec, stage } from './registry.ts';
import { imagenetWeights } from './weights.ts';

/** Channels of the first convolution, its kernel size, and then a pooling or a Fire module's squeezed and expanded channels. */
interface Plan {
  readonly channels: number;
  readonly kernel: number;
  readonly body: readonly ('pool' | readonly [squeezed: number, expanded: number])[];
}

const plans: Readonly<Record<string, Plan>> = {
  '1_0': {
    channels: 96,
    kernel: 7,
    body: ['pool', [16, 128], [16, 128], [32, 256], 'pool', [32, 256], [48, 384], [48, 384], [64, 512], 'pool', [64, 512]],
  },
  '1_1': {
    channels: 64,
    kernel: 3,
    body: ['pool', [16, 128], [16, 128], 'pool', [32, 256], [32, 256], 'pool', [48, 384], [48, 384], [64, 512], [64, 512]],
  },
};

const convolution = (inChannels: number, outChannels: number, kernel: number, padding = 0): Conv2d =>
  new Conv2d(inChannels, outChannels, kernel, { padding, weightInit: kaimingUniform(), biasInit: constant(0) });

/**
 * Fire module: a 1×1 convolution to few channels, then 1×1 and 3×3 convolutions side by side.
 *
 *     s = relu(squeeze(x))    y = [relu(expand1x1(s)), relu(expand3x3(s))]
 *
 * **Shapes**: x `[N, inChannels, H, W]` → `[N, expanded, H, W]`, half of it from either convolution.
 *
 * **Source**: Iandola et al., "SqueezeNet", section 3.2.
 *
 * @example const fire = new Fire(96, 16, 128);
 */
export class Fire extends Module {
  squeeze: Conv2d;
  squeeze_activation = new ReLU();
  expand1x1: Conv2d;
  expand1x1_activation = new ReLU();
  expand3x3: Conv2d;
  expand3x3_activation = new ReLU();

  constructor(inChannels: number, squeezed: number, expanded: number) {
    super();
    this.squeeze = convolution(inChannels, squeezed, 1);
    this.expand1x1 = convolution(squeezed, expanded / 2, 1);
    this.expand3x3 = convolution(squeezed, expanded / 2, 3, 1);
  }

  override forward(x: Tensor): Tensor {
    const s = this.squeeze_activation.forward(this.squeeze.forward(x));
    return concat([
      this.expand1x1_activation.forward(this.expand1x1.forward(s)),
      this.expand3x3_activation.forward(this.expand3x3.forward(s)),
    ]);
  }
}

/**
 * SqueezeNet: eight Fire modules, then a 1×1 convolution that gives one map a class, whose means are the scores.
 *
 *     1.0: [3,224,224] → 96×109² → 256×54² … 512×27² → 512×13² → classes×13² → mean
 *
 * **Shapes**: x `[N,C,H,W]`, H and W from 21 (1.0) or 17 (1.1); scores `[N,classes]`, never negative: a ReLU stands before the mean. 1 248
 * 424 parameters (1.0), 1 235 496 (1.1) for 3 channels and 1000 classes.
 *
 * - `dropout` 0 … 1, default 0.5: before the last convolution
 *
 * State-dict keys: `features.0.weight`, `features.3.squeeze.weight` … `classifier.1.bias`, as torchvision's. Convolutions begin with He's
 * uniform distribution (fan in), the last one with a standard deviation of 0.01, biases with 0.
 *
 * **Source**: Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size", 2016, table 1; version
 * 1.1 as its authors published it with 2.4 times less computation; `torchvision.models.squeezenet1_0`.
 *
 * @example const model = createModel('squeezenet1_1', { classes: 102 });
 */
export class SqueezeNet extends Module {
  features: Sequential;
  classifier: Sequential;

  constructor({ classes, inChannels, dropout = 0.5, plan }: CreateOptions & { readonly plan: Plan }) {
    super();
    const first = new Conv2d(inChannels, plan.channels, plan.kernel, { stride: 2, weightInit: kaimingUniform(), biasInit: constant(0) });
    let channels = plan.channels;
    const body = plan.body.map((row) => {
      if (row === 'pool') return new MaxPool2d(3, { stride: 2, ceilMode: true });
      const fire = new Fire(channels, ...row);
      channels = row[1];
      return fire;
    });
    this.features = new Sequential(first, new ReLU(), ...body);
    const last = new Conv2d(channels, classes, 1, { weightInit: normal(0.01), biasInit: constant(0) });
    this.classifier = new Sequential(new Dropout(dropout), last, new ReLU(), new AdaptiveAvgPool2d(1));
  }

  override forward(x: Tensor): Tensor {
    return flatten(this.classifier.forward(this.features.forward(x)));
  }
}

/** The convolution and every Fire module by its number in `features`: the body begins at 2. */
const layersOf = ({ body }: Plan): string[] => ['features.0', ...body.flatMap((row, i) => (row === 'pool' ? [] : [`features.${i + 2}`]))];

export const squeezenetModels: ModelSpec[] = Object.entries(plans).map(([version, plan]) => ({
  name: `squeezenet${version}`,
  doc: `SqueezeNet ${version.replace('_', '.')}: AlexNet’s accuracy with 1.2 million parameters.`,
  inputShape: [3, 224, 224],
  head: ['classifier.1'],
  stages: [...layersOf(plan), 'classifier.1'].map((layer) => stage(layer)),
  accepts: ['dropout'],
  weights: imagenetWeights(`squeezenet${version}`),
  create: (options) => new SqueezeNet({ ...options, plan }),
}));
