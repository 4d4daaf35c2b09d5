import { evaluationGraph } from '../compile/step.ts';
import { NumericError, ShapeError } from '../core/errors.ts';
import { findNonFinite, indexOfNonFinite, type NdArray, type StateDict } from '../core/ndarray.ts';
import { checkOptions, integer } from '../core/option-ranges.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import { runOnce } from '../engine/once.ts';
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
 * **Throws** `ShapeError` if the pictures do not fit the network, or its scores the classes; `UsageError` for another `topK`;
 * `NumericError` if a weight, a number of a picture or a logit is not finite.
 *
 * @example const [[best]] = await predict({ model, state, classes, x });
 */
export async function predict(
  options: { model: Module; state: StateDict; classes: readonly string[]; x: NdArray<'f32'>; topK?: number } & WithEngine,
): Promise<Guess[][]> {
  const { model: module, state, classes, x, topK = classes.length } = options;
  if (x.shape.length !== 4) throw new ShapeError({ where: 'predict', expected: 'pictures [N,C,H,W]', got: formatShape(x.shape) });
  checkTopK(topK);
  const graph = evaluationGraph({ module, inputShape: x.shape });
  const { shape } = graph.values[graph.outputs.y];
  if (!sameShape(shape, [x.shape[0], classes.length]))
    throw new ShapeError({ where: 'predict', expected: `a network with ${classes.length} scores, one a class`, got: formatShape(shape) });
  // The kernels of oneDNN answer some NaN with numbers that look like others.
  refuseNonFinite(new Map([...state, ['x', x]]), 'predict');
  const { y } = await withEngine(options, (engine) => runOnce(engine, graph, state, { x }));
  const logits = y.data as Float32Array;
  if (indexOfNonFinite(logits) >= 0) throw new NumericError({ where: 'predict', expected: 'finite logits', got: 'NaN or infinity' });
  return Array.from({ length: x.shape[0] }, (_, row) =>
    rankGuesses(softmaxRow(logits, row * classes.length, classes.length), classes).slice(0, topK),
  );
}

/** All classes, the most probable first; equal probabilities keep the order of the classes. */
export const rankGuesses = (probabilities: Float64Array, names: readonly string[]): Guess[] =>
  Array.from(probabilities, (prob, classIndex) => ({ className: names[classIndex], classIndex, prob })).sort(
    (a, b) => b.prob - a.prob || a.classIndex - b.classIndex,
  );

export const checkTopK = (topK: number): void => checkOptions({ topK }, { topK: integer(1) });

/** Refuses numbers that would make others of a network meaningless. */
export function refuseNonFinite(state: StateDict, where: string): void {
  const broken = findNonFinite(state);
  if (broken) throw new NumericError({ where, expected: `finite numbers in ${broken.name}`, got: `${broken.value}` });
}
