// The course's CNN as one planned training step, for the parts that measure below the command line.
import { trainingGraph } from '../dist/compile/index.js';
import { batchIndices, epochOrder, loadMnist, readBatch } from '../dist/data/index.js';
import { openEngine } from '../dist/engine/threaded/index.js';
import { createModel } from '../dist/models/index.js';
import { crossEntropyLoss, initialState } from '../dist/nn/index.js';
import { initialOptimizerState } from '../dist/optim/index.js';

export const batchSize = 64;
const scalar = (value) => ({ dtype: 'f32', shape: [], data: Float32Array.of(value) });

/** A training step over a fresh store. `step(batch)` queues one step, `profile` times the parts of one. */
export async function openCourse({ seed = 0, engine: name = 'onednn' } = {}) {
  const engine = await openEngine({ engine: name });
  const module = createModel('course-cnn', { classes: 10 });
  const graph = trainingGraph({ module, inputShape: [batchSize, 1, 28, 28], loss: crossEntropyLoss(), optimizer: { kind: 'adam' } });
  const store = await engine.createStore();
  await store.load(initialState(module, seed));
  await store.load(initialOptimizerState(graph));
  const program = await engine.compile(graph, store);
  const lr = scalar(1e-3);
  let count = 0;
  const feeds = ({ x, target }) => ({ x, target, lr, step: scalar(++count) });
  const step = (batch) => program.run(feeds(batch));
  const profile = (batch, repeats) => program.profile(feeds(batch), repeats);
  const close = async () => {
    await program.close();
    await engine.close();
  };
  return { engine, store, program, step, profile, close };
}

let loaded;
const mnist = () => {
  loaded ??= loadMnist();
  return loaded;
};

/** The first `count` full batches of MNIST in the order of epoch 0, 1, …, read one by one. */
export async function* batches(count, seed = 0) {
  const { train } = await mnist();
  for (let epoch = 0, done = 0; done < count; epoch++) {
    for (const indices of batchIndices(epochOrder(train.length, { seed, epoch }), batchSize)) {
      if (indices.length < batchSize || done === count) break;
      done++;
      yield readBatch(train, indices);
    }
  }
}

/** Runs a step per batch with the next one always queued, as training does, and returns the time from each result to the next in ms. */
export async function timeSteps(step, source, onStep = () => {}) {
  const intervals = [];
  let pending;
  let last;
  const settle = async () => {
    await pending;
    const now = performance.now();
    if (last !== undefined) intervals.push(now - last);
    last = now;
    onStep(intervals.length);
  };
  for await (const batch of source) {
    const next = step(batch);
    if (pending) await settle();
    pending = next;
  }
  await settle();
  return intervals;
}
