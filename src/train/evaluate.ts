import { NumericError } from '../core/errors.ts';
import type { StateDict } from '../core/ndarray.ts';
import type { Dataset } from '../data/dataset.ts';
import { openLoader } from '../data/loader/index.ts';
import { type WithEngine, withEngine } from '../engine/threaded/with-engine.ts';
import type { Module } from '../nn/module.ts';
import type { Evaluation } from './evaluation-sums.ts';
import { Evaluator } from './evaluator.ts';

/**
 * Loss and accuracy of weights on a data set.
 *
 *     loss = mean over samples of −log softmax(logits)[target],  accuracy = right / all
 *
 * - `model`, `state` the network and its weights, `dataset` the samples, `workers` threads that read pictures in files
 *
 * **Throws** `NumericError` if the loss is not finite.
 *
 * @example const { accuracy } = await evaluate({ model, state, dataset: mnist.test });
 */
export async function evaluate(
  options: { model: Module; state: StateDict; dataset: Dataset; workers?: number } & WithEngine,
): Promise<Evaluation> {
  const { model: module, state, dataset, workers } = options;
  return withEngine(options, async (engine) => {
    const store = await engine.createStore();
    await store.load(state);
    const loader = dataset.pictures && openLoader({ workers });
    try {
      const evaluator = await Evaluator.create({ module, dataset, engine, store, loader });
      const evaluation = (await evaluator.run())!;
      await evaluator.close();
      await store.close();
      if (!Number.isFinite(evaluation.loss))
        throw new NumericError({ where: dataset.name, expected: 'a finite loss', got: `${evaluation.loss}` });
      return evaluation;
    } finally {
      await loader?.close();
    }
  });
}
