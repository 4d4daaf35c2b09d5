// One network in a process of its own: `network.mjs <name> <size px>`; answers {"kind": "train" | "infer", "batch", "steps"} with {medianMs, peakMiB}.
import { evaluationGraph, trainingGraph } from '../dist/compile/index.js';
import { openEngine } from '../dist/engine/threaded/index.js';
import { createModel } from '../dist/models/index.js';
import { crossEntropyLoss, initialState } from '../dist/nn/index.js';
import { initialOptimizerState } from '../dist/optim/index.js';
import { peakMiB, serve } from './hired.mjs';
import { median } from './numbers.mjs';

const [name, size] = [process.argv[2], Number(process.argv[3])];
const engine = await openEngine({ engine: 'onednn' });
const module = createModel(name, { classes: 1000 });
const store = await engine.createStore();
await store.load(initialState(module, 0));
const scalar = (value) => ({ dtype: 'f32', shape: [], data: Float32Array.of(value) });
const feedsOf = (batch, step = 1) => ({
  x: { dtype: 'f32', shape: [batch, 3, size, size], data: Float32Array.from({ length: batch * 3 * size * size }, Math.random) },
  target: { dtype: 'i32', shape: [batch], data: Int32Array.from({ length: batch }, (_, i) => i) },
  lr: scalar(1e-3),
  step: scalar(step),
  seed: { dtype: 'i32', shape: [], data: Int32Array.of(step) },
});

const graphs = {
  infer: (inputShape) => evaluationGraph({ module, inputShape }),
  train: (inputShape) => trainingGraph({ module, inputShape, loss: crossEntropyLoss(), optimizer: { kind: 'sgd', momentum: 0.9 } }),
};
const planned = new Map();
async function plan(kind, batch) {
  const key = `${kind} ${batch}`;
  if (!planned.has(key)) {
    const graph = graphs[kind]([batch, 3, size, size]);
    if (kind === 'train') await store.load(initialOptimizerState(graph));
    const wanted = new Set(graph.values.filter(({ role }) => role === 'input').map((value) => value.name));
    const feeds = Object.fromEntries(Object.entries(feedsOf(batch)).filter(([input]) => wanted.has(input)));
    planned.set(key, { program: await engine.compile(graph, store), feeds });
  }
  return planned.get(key);
}

const time =
  (kind) =>
  async ({ batch, steps }) => {
    const { program, feeds } = await plan(kind, batch);
    const took = [];
    for (let i = 0; i < steps; i++) {
      const start = performance.now();
      await program.run(feeds);
      took.push(performance.now() - start);
    }
    return { medianMs: median(took), peakMiB: await peakMiB() };
  };
await serve({ train: time('train'), infer: time('infer') });
await engine.close();
