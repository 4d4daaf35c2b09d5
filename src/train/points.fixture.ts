import type { StateDict } from '../core/ndarray.ts';
import { Rng } from '../core/rng.ts';
import type { Dataset } from '../data/dataset.ts';
import { LocalEngine } from '../engine/local.ts';
import { createReferenceBackend } from '../engine/reference/backend.ts';
import type { Tensor } from '../graph/tensor.ts';
import { Dropout, Linear } from '../nn/layers.ts';
import { Module } from '../nn/module.ts';
import { flatten, relu } from '../ops/index.ts';
import type { TrainOptions } from './train-options.ts';

/** A network of two layers for points in a plane. */
export class Tiny extends Module {
  hidden = new Linear(4, 8);
  drop = new Dropout(0.2);
  out = new Linear(8, 2);
  override forward(x: Tensor): Tensor {
    return this.out.forward(this.drop.forward(relu(this.hidden.forward(flatten(x)))));
  }
}

/** Points on two sides of a plane. */
export function points(name: string, length: number): Dataset {
  const rng = new Rng(name);
  const data = Float32Array.from({ length: length * 4 }, () => rng.normal());
  return {
    name,
    length,
    classes: ['left', 'right'],
    sampleShape: [1, 2, 2],
    labels: Int32Array.from({ length }, (_, i) => (data[4 * i] + 0.2 * data[4 * i + 1] > 0 ? 1 : 0)),
    read: (indices, into) => {
      for (let n = 0; n < indices.length; n++) into.set(data.subarray(4 * indices[n], 4 * indices[n] + 4), 4 * n);
    },
  };
}

/** The same data set, with a look at what is read. */
export const spying = (dataset: Dataset, look: (indices: ArrayLike<number>) => void): Dataset => ({
  ...dataset,
  read: (indices, into) => {
    look(indices);
    return dataset.read(indices, into);
  },
});

/** 17 steps an epoch, the last with 2 samples; evaluations after 5, 10, 15, 17. */
export const recipe = { epochs: 2, batchSize: 8, lr: 0.02, evalEvery: 5 };
export const [trainSet, testSet] = [points('train', 130), points('test', 60)];
export const options = (more: Partial<TrainOptions> = {}): TrainOptions => ({
  engine: new LocalEngine(createReferenceBackend()),
  model: new Tiny(),
  trainSet,
  testSet,
  recipe,
  ...more,
});
/** A reference engine, and how many of its stores and programs are open. */
export function watchedEngine(): { engine: LocalEngine; open: () => number } {
  const engine = new LocalEngine(createReferenceBackend());
  let open = 0;
  const counted = <T extends { close(): Promise<void> }>(thing: T): T => {
    open++;
    const close = thing.close.bind(thing);
    thing.close = async () => {
      open--;
      await close();
    };
    return thing;
  };
  const [createStore, compile] = [engine.createStore.bind(engine), engine.compile.bind(engine)];
  engine.createStore = async () => counted(await createStore());
  engine.compile = async (graph, store) => counted(await compile(graph, store));
  return { engine, open: () => open };
}

export const numbers = (state: StateDict) => Object.fromEntries([...state].map(([name, { data }]) => [name, [...(data as Float32Array)]]));
