// Why 56 plain layers lose to 20, and what a shortcut changes: He et al., "Deep Residual Learning for Image Recognition", figures 1 and 6,
// small enough for two cores. Run it with `npx tsx examples/deep-plain.ts` (Node 22.18 or newer: `node`).
// It reads the folder `--data` with CIFAR-10, in the official form or as pictures in train/<class> and test/<class>.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import * as fovea from 'fovea';
import { add, BatchNorm2d, Conv2d, constant, flatten, Linear, Module, Parameter, relu, Sequential, type Tensor } from 'fovea';

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: '../shared/data/cifar10' },
    train: { type: 'string', default: '10000' },
    test: { type: 'string', default: '2000' },
    epochs: { type: 'string', default: '8' },
    depths: { type: 'string', default: '20,56' },
    out: { type: 'string', default: 'deep-plain.png' },
  },
});

const conv = (inChannels: number, outChannels: number, kernel = 3, stride = 1) =>
  new Conv2d(inChannels, outChannels, kernel, { stride, padding: (kernel - 1) / 2, bias: false });

/** Two convolutions and, in a residual net, what came in added to what comes out. */
class Block extends Module {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  conv2: Conv2d;
  bn2: BatchNorm2d;
  /** Makes the shapes equal where the block changes them: only equal shapes can be added. */
  projection?: Sequential;
  readonly residual: boolean;

  constructor(inChannels: number, channels: number, stride: number, residual: boolean) {
    super();
    this.conv1 = conv(inChannels, channels, 3, stride);
    this.bn1 = new BatchNorm2d(channels);
    this.conv2 = conv(channels, channels);
    this.bn2 = new BatchNorm2d(channels);
    this.residual = residual;
    // Each block begins as its shortcut alone, so that depth costs nothing at the start: Goyal et al., "Accurate, Large Minibatch SGD", section 5.1.
    if (residual) this.bn2.weight = new Parameter([channels], constant(0));
    if (residual && stride > 1) this.projection = new Sequential(conv(inChannels, channels, 1, stride), new BatchNorm2d(channels));
  }

  forward(x: Tensor) {
    const y = this.bn2.forward(this.conv2.forward(relu(this.bn1.forward(this.conv1.forward(x)))));
    return relu(this.residual ? add(y, this.projection?.forward(x) ?? x) : y);
  }
}

/** One convolution, three stages of 16, 32 and 64 channels with (depth − 2) / 6 blocks each, one fully connected layer: `depth` layers. */
class CifarNet extends Module {
  conv1 = conv(3, 16);
  bn1 = new BatchNorm2d(16);
  blocks: Sequential;
  fc = new Linear(64, 10);

  constructor(depth: number, residual: boolean) {
    super();
    const stages = [16, 32, 64].flatMap((channels, stage) =>
      Array.from({ length: (depth - 2) / 6 }, (_, i) => {
        const isEntry = stage > 0 && i === 0;
        return new Block(isEntry ? channels / 2 : channels, channels, isEntry ? 2 : 1, residual);
      }),
    );
    this.blocks = new Sequential(...stages);
  }

  forward(x: Tensor) {
    // Pictures of half the side: a quarter of the work, and the comparison stays the same.
    const stem = relu(this.bn1.forward(this.conv1.forward(fovea.avgPool2d(x, 2))));
    return this.fc.forward(flatten(fovea.adaptiveAvgPool2d(this.blocks.forward(stem), 1)));
  }
}

const cifar = await fovea.loadCifar10(values.data);
const trainSet = fovea.randomSamples(cifar.train, Number(values.train));
const testSet = fovea.randomSamples(cifar.test, Number(values.test));
const percent = (rate: number) => `${(100 * rate).toFixed(1)} %`.padStart(11);

async function run(depth: number, residual: boolean) {
  const name = `${residual ? 'residual' : 'plain'}-${depth}`;
  // As in the paper: stochastic gradient descent with momentum and weight decay; the rate falls along a cosine after a short warm-up.
  const optimizer = { optimizer: 'sgd', momentum: 0.9, weightDecay: 1e-4, lr: 0.1, schedule: 'cosine', warmupSteps: 50 } as const;
  const { progress } = await fovea.train({
    model: new CifarNet(depth, residual),
    trainSet,
    testSet,
    recipe: { ...optimizer, epochs: Number(values.epochs), batchSize: 128, evalEvery: 1_000_000, threads: 1 },
    onEpoch: (row) =>
      console.log(`${name.padEnd(11)} epoch ${row.epoch}  loss ${row.loss.toFixed(3)}  train ${percent(row.trainAccuracy)}`),
  });
  return { name, depth, residual, history: progress.history, last: progress.history.at(-1)! };
}

const depths = values.depths.split(',').map(Number);
const runs: Awaited<ReturnType<typeof run>>[] = [];
// Two at a time, one thread each: a small network gains little from a second thread.
for (const depth of depths) runs.push(...(await Promise.all([run(depth, false), run(depth, true)])));
console.log(`\n${'network'.padEnd(12)}${['loss', 'train', 'test'].map((title) => title.padStart(11)).join('')}`);
for (const { name, last } of runs)
  console.log(`${name.padEnd(12)}${last.loss.toFixed(3).padStart(11)}${percent(last.trainAccuracy)}${percent(last.testAccuracy)}`);

const compared = runs.map(({ name, depth, residual, history }) => ({
  name,
  colour: depth === depths[0] ? '#0072b2' : '#d55e00',
  dashed: residual,
  rows: history.map(({ loss, ...row }) => ({ ...row, trainLoss: loss })),
}));
const note = `${trainSet.length} pictures of CIFAR-10 at 16×16; on the training pictures, each judged before its step`;
const svg = fovea.comparisonSvg(compared, { title: `Plain and residual networks of ${depths.join(' and ')} layers`, note, over: 'epoch' });
await writeFile(values.out, await fovea.renderPng(svg, { scale: 1 }));
console.log(`\nCurves: ${values.out}`);
