// Project 1 of the course: a small CNN learns to read digits. Run it with `npx tsx examples/mnist.ts` (Node 22.18 or newer: `node`).
import { Conv2d, flatten, Linear, loadMnist, Module, maxPool2d, predict, readBatch, relu, type Tensor, train } from 'fovea';

class Cnn extends Module {
  conv1 = new Conv2d(1, 16, 5, { padding: 2 });
  conv2 = new Conv2d(16, 32, 5, { padding: 2 });
  out = new Linear(32 * 7 * 7, 10);

  forward(x: Tensor) {
    x = maxPool2d(relu(this.conv1.forward(x)), 2);
    x = maxPool2d(relu(this.conv2.forward(x)), 2);
    return this.out.forward(flatten(x));
  }
}

const mnist = await loadMnist();
const trained = await train({
  model: new Cnn(),
  trainSet: mnist.train,
  testSet: mnist.test,
  recipe: { epochs: 3, batchSize: 64, optimizer: 'adam', lr: 1e-3 },
  onEvaluate: ({ epoch, testAccuracy }) => console.log(`epoch ${epoch}  test ${(100 * testAccuracy).toFixed(2)}%`),
});

const { x, target } = await readBatch(mnist.test, Uint32Array.of(0));
const [[best]] = await predict({ ...trained, x });
console.log(`The first test image shows a ${target.data[0]}: guessed ${best.className} (${(100 * best.prob).toFixed(1)}%)`);
