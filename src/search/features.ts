import { evaluationGraph } from '../compile/step.ts';
import { NumericError } from '../core/errors.ts';
import type { NdArray, StateDict } from '../core/ndarray.ts';
import type { Shape } from '../core/shape.ts';
import type { Engine, Program, Store } from '../engine/engine.ts';
import type { Module } from '../nn/module.ts';
import { penultimateGraph } from './penultimate.ts';

/** Scales every row to length 1; a row of zeros stays. Sums are in double precision. */
function normaliseRows(data: Float32Array, size: number): void {
  for (let begin = 0; begin < data.length; begin += size) {
    let sum = 0;
    for (let i = begin; i < begin + size; i++) sum += data[i] * data[i];
    if (!Number.isFinite(sum)) throw new NumericError({ where: 'features', expected: 'finite numbers', got: 'NaN or infinity' });
    const scale = sum > 0 ? 1 / Math.sqrt(sum) : 0;
    for (let i = begin; i < begin + size; i++) data[i] *= scale;
  }
}

/** A network up to its last layer with weights, over one store, planned once for every batch size it meets. */
export class FeatureExtractor {
  readonly #module: Module;
  readonly #inputShape: Shape;
  readonly #engine: Engine;
  readonly #store: Store;
  readonly #programs = new Map<number, Program>();
  /** Length of a feature vector. */
  readonly size: number;

  private constructor(module: Module, inputShape: Shape, engine: Engine, store: Store) {
    this.#module = module;
    this.#inputShape = inputShape;
    this.#engine = engine;
    this.#store = store;
    const { values, outputs } = this.#graph(1);
    this.size = values[outputs.features].shape[1];
  }

  /** `inputShape` is `[C, H, W]`. **Throws** `ShapeError` if the network has no layer to cut at. */
  static async open(options: { module: Module; state: StateDict; inputShape: Shape; engine: Engine }): Promise<FeatureExtractor> {
    const { module, state, inputShape, engine } = options;
    const store = await engine.createStore();
    await store.load(state);
    return new FeatureExtractor(module, inputShape, engine, store);
  }

  /**
   * Feature vectors of length 1, one after the other.
   *
   * **Throws** `NumericError` if a feature is not finite.
   */
  async run(x: NdArray<'f32'>): Promise<Float32Array> {
    const [count] = x.shape;
    const program = this.#programs.get(count) ?? (await this.#engine.compile(this.#graph(count), this.#store));
    this.#programs.set(count, program);
    const data = (await program.run({ x })).features.data as Float32Array;
    normaliseRows(data, this.size);
    return data;
  }

  async close(): Promise<void> {
    for (const program of this.#programs.values()) await program.close();
  }

  #graph(count: number) {
    return penultimateGraph(evaluationGraph({ module: this.#module, inputShape: [count, ...this.#inputShape] }));
  }
}
