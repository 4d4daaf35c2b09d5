import { NumericError } from '../core/errors.ts';
import type { StateDict } from '../core/ndarray.ts';
import type { Dataset } from '../data/dataset.ts';
import { openLoader } from '../data/loader/index.ts';
import { withStore } from '../engine/once.ts';
import { type WithEngine, withEngine } from '../engine/threaded/with-engine.ts';
import type { Module } from '../nn/module.ts';
import { checkDataset } from './check-options.ts';
import type { Evaluation } from './evaluation-sums.ts';
import { Evaluator } from './evaluator.ts';
import { refuseNonFinite } from './predict.ts';

/**
 * Loss and accuracy of weights on a data set.
 *
 *     loss = mean over samples of −log softmax(logits)[target],  accuracy = right / all
 *
 * - `model`, `state` the network and its weights, `dataset` the samples, `workers` threads that read pictures in files
 * - `onProgress` is told how many samples are done
 *
 * **Throws** `DataError` for a data set without samples; `ShapeError` if it does not fit the network; `NumericError` if a weight or a number of
 * a sample in memory is not finite, or the loss.
 *
 * @example const { accuracy } = await evaluate({ model, state, dataset: mnist.test });
 */
export async function evaluate(
  options: {
    model: Module;
    state: StateDict;
    dataset: Dataset;
    workers?: number;
    onProgress?: (done: number, total: number) => void;
  } & WithEngine,
): Promise<Evaluation> {
  const { model: module, state, dataset, workers, onProgress } = options;
  checkDataset(dataset);
  // The kernels of oneDNN answer some NaN with numbers that look like others.
  refuseNonFinite(state, dataset.name);
  const loader = dataset.pictures && openLoader({ workers });
  try {
    const evaluation = await withEngine(options, (engine) =>
      withStore(engine, state, async (store) => {
        const evaluator = await Evaluator.create({ module, dataset, engine, store, loader });
        return evaluator.run(undefined, onProgress).finally(() => evaluator.close());
      }),
    );
    const { loss } = evaluation!;
    if (!Number.isFinite(loss)) throw new NumericError({ where: dataset.name, expected: 'a finite loss', got: `${loss}` });
    return evaluation!;
  } finally {
    await loader?.close();
  }
}
