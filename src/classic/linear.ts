import { countCorrect, predictedClasses } from '../core/argmax.ts';
import { NumericError, UsageError } from '../core/errors.ts';
import { f32, type NdArray, type StateDict, scalar } from '../core/ndarray.ts';
import { above0, checkOptions, integer } from '../core/option-ranges.ts';
import { Rng } from '../core/rng.ts';
import { batchIndices, epochOrder } from '../data/order.ts';
import type { Engine, Results, Store } from '../engine/engine.ts';
import { ProgramsBySize } from '../engine/programs-by-size.ts';
import { initialOptimizerState } from '../optim/attach.ts';
import { learningRate, type ScheduleSpec } from '../optim/schedules.ts';
import { CentredRows, meanRow } from './centred-rows.ts';
import type { LinearModel } from './linear-scores.ts';
import { checkObjective, type LinearObjective, linearEvaluationGraph, linearStepGraph } from './linear-step.ts';
import { checkLabelled, type LabelledRows, rowCountOf } from './rows.ts';

export interface LinearOptions extends LinearObjective {
  train: LabelledRows;
  test: LabelledRows;
  classes: number;
  /** Passes over the training rows, from 1; default 10. */
  epochs?: number;
  /** Rows to a step, from 1; default 100. */
  batchSize?: number;
  /** Above 0; default 0.01 for softmax, 0.001 for the hinge loss, whose gradient is larger. */
  lr?: number;
  /** 0 to below 1; default 0.9. */
  momentum?: number;
  /** Default: half a cosine down to 0. */
  schedule?: ScheduleSpec;
  /** Of the first weights and the order of the rows; default 0. */
  seed?: number;
  /** Told the share that is done, 0 to 1. */
  onProgress?: (share: number) => void;
}

/** How one epoch went. Rates from 0 to 1. */
export interface LinearEpoch {
  readonly epoch: number;
  readonly step: number;
  readonly lr: number;
  /** Without the penalty; mean over the epoch, each row judged before its step. */
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  readonly testLoss: number;
  readonly testAccuracy: number;
}

export interface LinearResult {
  /** For levels divided by 255 (bytes) or the numbers themselves (reals). */
  readonly model: LinearModel;
  readonly history: readonly LinearEpoch[];
  /** Of the test rows, with the last weights. */
  readonly predictions: Int32Array;
}

export const defaultRates = { hinge: 0.001, softmax: 0.01 } as const;
const firstSpread = 1e-3;
const evaluationRows = 500;

function firstState(width: number, classes: number, seed: number): StateDict {
  const rng = new Rng(seed, 'linear');
  const weight = Float32Array.from({ length: classes * width }, () => rng.normal(0, firstSpread));
  return new Map([
    ['weight', f32(weight, [classes, width])],
    ['bias', f32(new Float32Array(classes))],
  ]);
}

/**
 * Trains f(x, W, b) = Wx + b by gradient descent with momentum; `linearStepGraph` says what a step does.
 *
 * It learns from rows less the mean row, which makes the steps better conditioned, and gives back the same function of the rows themselves:
 *
 *     W(x − mean) + b = Wx + (b − W·mean)
 *
 * **Shapes**: rows `[n, width]`; model `weight` `[classes, width]`, `bias` `[classes]`.
 *
 * Numerics: the same options, engine and thread count give the same weights bit for bit.
 *
 * **Throws** `UsageError` for options out of range or rows of two widths; `ShapeError` if train or test are not one or more whole rows;
 * `DataError` if their labels are not one class for each row; `NumericError` if the loss is no longer finite.
 *
 * @example const { model, history } = await trainLinear(engine, { train, test, classes: 10, loss: 'hinge' });
 */
export async function trainLinear(engine: Engine, options: LinearOptions): Promise<LinearResult> {
  checkObjective(options);
  checkOptions(options, { epochs: integer(1), lr: above0 });
  const { train, test, classes, loss = 'softmax', momentum = 0.9, epochs = 10, seed = 0 } = options;
  for (const [part, set] of Object.entries({ train, test })) checkLabelled(set, classes, `linear: ${part}`);
  const { width } = train.rows;
  if (test.rows.width !== width)
    throw new UsageError({ where: 'linear', expected: `test rows of ${width} numbers, as the training rows`, got: `${test.rows.width}` });
  const store = await engine.createStore();
  let isFirst = true;
  const steps = new ProgramsBySize(async (batchSize) => {
    const graph = linearStepGraph({ ...options, momentum, batchSize, width, classes });
    if (isFirst) await store.load(initialOptimizerState(graph));
    isFirst = false;
    return engine.compile(graph, store);
  });
  const evaluations = new ProgramsBySize((batchSize) => {
    const graph = linearEvaluationGraph({ loss, margin: options.margin, batchSize, width, classes });
    return engine.compile(graph, store);
  });
  try {
    await store.load(firstState(width, classes, seed));
    const mean = meanRow(train.rows);
    const sets = { train: new CentredRows(train, mean), test: new CentredRows(test, mean) };
    const predictions = new Int32Array(rowCountOf(test.rows));
    const history: LinearEpoch[] = [];
    for (let epoch = 0; epoch < epochs; epoch++) {
      const trained = await runEpoch({ ...options, loss, epochs, seed }, sets.train, steps, epoch);
      const tested = await evaluate(sets.test, evaluations, predictions);
      // The last step of an epoch may be the one that leaves the finite numbers.
      if (!Number.isFinite(tested.testLoss)) throw notFinite(`test after step ${trained.step}`, tested.testLoss, trained.baseLr);
      const { baseLr, ...row } = trained;
      history.push({ epoch: epoch + 1, ...row, ...tested });
    }
    return { model: await readModel(store, { classes, width }, mean), history, predictions };
  } finally {
    await steps.close();
    await evaluations.close();
    await store.close();
  }
}

const notFinite = (where: string, value: number, lr: number) =>
  new NumericError({ where, expected: 'a finite loss', got: `${value}`, hint: `Use a lower learning rate than ${lr}` });

type EpochOptions = LinearOptions & Required<Pick<LinearOptions, 'loss' | 'epochs' | 'seed'>>;

/** One pass over the training rows, two steps in flight. */
async function runEpoch(options: EpochOptions, rows: CentredRows, programs: ProgramsBySize, epoch: number) {
  const { train, loss, epochs, batchSize = 100, seed, schedule = { kind: 'cosine' }, onProgress } = options;
  const { lr: base = defaultRates[loss] } = options;
  const count = rowCountOf(train.rows);
  const batches = batchIndices(epochOrder(count, { seed, epoch }), Math.min(batchSize, count));
  let [lossSum, right, done] = [0, 0, 0];
  let lr = base;
  const step = epoch * batches.length;
  const settle = ({ dataLoss, y }: Results, target: NdArray<'i32'>, at: number) => {
    const value = Number(dataLoss.data[0]);
    if (!Number.isFinite(value)) throw notFinite(`step ${at}`, value, base);
    lossSum += value * target.data.length;
    right += countCorrect(y.data as Float32Array, target.data);
    done += target.data.length;
    onProgress?.((epoch + done / count) / epochs);
  };
  let before: (() => Promise<void>) | undefined;
  for (const [i, places] of batches.entries()) {
    const { x, target } = rows.read(places);
    lr = learningRate(schedule, base, { epoch, step: step + i, stepsPerEpoch: batches.length, epochs });
    const answer = (await programs.of(places.length)).run({ x, target, lr: scalar(lr) });
    // An error is reported where the step is awaited; until then it is not unhandled.
    answer.catch(() => {});
    await before?.();
    before = async () => settle(await answer, target, step + i + 1);
  }
  await before?.();
  return { step: step + batches.length, lr, baseLr: base, trainLoss: lossSum / count, trainAccuracy: right / count };
}

async function evaluate(rows: CentredRows, programs: ProgramsBySize, predictions: Int32Array) {
  const count = predictions.length;
  let [lossSum, right] = [0, 0];
  for (let begin = 0; begin < count; begin += evaluationRows) {
    const places = Uint32Array.from({ length: Math.min(evaluationRows, count - begin) }, (_, i) => begin + i);
    const { x, target } = rows.read(places);
    const { y, loss } = await (await programs.of(places.length)).run({ x, target });
    lossSum += Number(loss.data[0]) * places.length;
    right += countCorrect(y.data as Float32Array, target.data);
    predictions.set(predictedClasses(y.data as Float32Array, y.shape[1]), begin);
  }
  return { testLoss: lossSum / count, testAccuracy: right / count };
}

async function readModel(store: Store, { classes, width }: { classes: number; width: number }, mean: Float64Array): Promise<LinearModel> {
  const state = await store.read(['weight', 'bias']);
  const weight = state.get('weight')!.data as Float32Array;
  const bias = (state.get('bias')!.data as Float32Array).map((value, c) => {
    let moved = value;
    for (let i = 0; i < width; i++) moved -= weight[c * width + i] * mean[i];
    return moved;
  });
  return { classes, width, weight, bias };
}
