import { evaluationGraph } from '../compile/step.ts';
import { NumericError, ShapeError } from '../core/errors.ts';
import type { NdArray, StateDict } from '../core/ndarray.ts';
import { formatShape } from '../core/shape.ts';
import { type WithEngine, withEngine } from '../engine/threaded/with-engine.ts';
import type { Module } from '../nn/module.ts';
import { softmaxRow } from './metrics.ts';

/** One class that a network considers. */
export interface Guess {
  className: string;
  classIndex: number;
  /** Probability, 0 … 1. */
  prob: number;
}

/**
 * The classes a network sees in pictures, the most probable first.
 *
 *     prob = softmax(logits)
 *
 * **Shapes**: x `[N,C,H,W]`, prepared as for training. Returns N lists of `topK` guesses (default: all classes).
 * Equal probabilities keep the order of the classes.
 *
 * **Throws** `ShapeError` if the pictures do not fit the network; `NumericError` if a logit is not finite.
 *
 * @example const [[best]] = await predict({ model, state, classes, x });
 */
export async function predict(
  options: { model: Module; state: StateDict; classes: readonly string[]; x: NdArray<'f32'>; topK?: number } & WithEngine,
): Promise<Guess[][]> {
  const { model: module, state, classes, x, topK = classes.length } = options;
  if (x.shape.length !== 4) throw new ShapeError({ where: 'predict', expected: 'pictures [N,C,H,W]', got: formatShape(x.shape) });
  const { y } = await withEngine(options, async (engine) => {
    const store = await engine.createStore();
    await store.load(state);
    const program = await engine.compile(evaluationGraph({ module, inputShape: x.shape }), store);
    const results = await program.run({ x });
    await program.close();
    await store.close();
    return results;
  });
  const logits = y.data as Float32Array;
  if (!logits.every(Number.isFinite)) throw new NumericError({ where: 'predict', expected: 'finite logits', got: 'NaN or infinity' });
  return Array.from({ length: x.shape[0] }, (_, row) => {
    const probs = softmaxRow(logits, row * classes.length, classes.length);
    const guesses = classes.map((className, classIndex) => ({ className, classIndex, prob: probs[classIndex] }));
    return guesses.sort((a, b) => b.prob - a.prob || a.classIndex - b.classIndex).slice(0, topK);
  });
}
