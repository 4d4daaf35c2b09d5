import { type KnnMetric, type KnnStage, knnMetrics, type Rows, readLevels, studyNeighbours } from '../classic/index.ts';
import { UsageError } from '../core/errors.ts';
import { didYouMean } from '../core/nearest.ts';
import type { Dataset } from '../data/dataset.ts';
import { randomSamples } from '../data/random-samples.ts';
import { openSmallPictures } from '../data/small-pictures.ts';
import type { Engine } from '../engine/engine.ts';
import { withEngine } from '../engine/threaded/with-engine.ts';
import { datasetFeatures } from '../search/dataset-features.ts';
import { jsonOf, type KnnResult, type KnnView, linesOf } from './knn-output.ts';
import { writeKnnReport } from './knn-report.ts';
import { namedNetwork } from './named-network.ts';
import type { NamedNetwork } from './network-choice.ts';
import { choiceIn, engineOptionsIn, integerIn } from './options.ts';
import { asRunName, inRunFolder } from './own-run-folder.ts';
import { printLines, printNotes } from './print.ts';
import { type Bar, openBar, withBar } from './progress-bar.ts';

export interface KnnCommandOptions {
  data: string;
  k: string;
  metric: string;
  features: string;
  weights?: string;
  classes?: unknown;
  folds: unknown;
  train?: unknown;
  test?: unknown;
  size?: unknown;
  seed: unknown;
  out: string;
  name?: string;
  engine?: unknown;
  threads?: unknown;
  json?: boolean;
}

const pixelsName = 'pixels';

/** `1,3,5`: integers from 1, in order, each once. */
function ksIn(words: string): number[] {
  const ks = words.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (!ks.every((k) => Number.isInteger(k) && k >= 1))
    throw new UsageError({ where: '--k', expected: 'integers from 1, such as 1,3,5,10,20', got: `'${words}'` });
  return [...new Set(ks)].sort((a, b) => a - b);
}

/** The network whose features are compared beside the pixels. */
async function networkIn({ features, weights, classes }: KnnCommandOptions): Promise<NamedNetwork | undefined> {
  if (features !== pixelsName) {
    const hint = didYouMean(features, [pixelsName]);
    return namedNetwork({ network: features, weights, classes, mustBeTrained: true }).catch((error: unknown) => {
      // Neither a model nor a run: it may be meant as the pixels.
      if (hint)
        throw new UsageError(
          { where: '--features', expected: 'pixels, a model’s name or a run', got: `'${features}'`, hint },
          { cause: error },
        );
      if (error instanceof UsageError && error.complaint.where === 'model')
        throw new UsageError({ ...error.complaint, where: '--features' }, { cause: error });
      throw error;
    });
  }
  for (const [option, value] of Object.entries({ weights, classes }))
    if (value !== undefined)
      throw new UsageError({ where: `--${option}`, expected: '--features with a model’s name', got: 'pixels, which need none' });
  return undefined;
}

const stages: Record<KnnStage, string> = { 'cross-validation': 'cross-validation', test: 'test images', timing: 'time of a query' };

/** One bar for each stage of a study, one after the other. */
function stageBars(view: string) {
  let now: { stage: KnnStage; bar: Bar } | undefined;
  return {
    onProgress(stage: KnnStage, share: number) {
      if (now?.stage !== stage) {
        now?.bar.stop();
        now = { stage, bar: openBar(`${view}, ${stages[stage]}`) };
      }
      now.bar.onShare(share);
    },
    stop: () => now?.bar.stop(),
  };
}

export async function knnCommand(options: KnnCommandOptions): Promise<number> {
  const ks = ksIn(options.k);
  const metric = choiceIn(options.metric, '--metric', knnMetrics);
  const folds = integerIn(options.folds, '--folds', 2)!;
  const seed = integerIn(options.seed, '--seed', 0, 2 ** 32 - 1)!;
  const limits = { train: integerIn(options.train, '--train', 1), test: integerIn(options.test, '--test', 1) };
  const engineOptions = engineOptionsIn(options);
  const network = await networkIn(options);
  const pictures = await openSmallPictures(options.data, { sizePx: integerIn(options.size, '--size', 1) });
  const pick = (dataset: Dataset, n = dataset.length) => randomSamples(dataset, n, seed);
  const train = pick(pictures.train, limits.train);
  const test = pick(pictures.test, limits.test);
  printNotes(pictures.notes.map((note) => `note: ${note}`));

  const { name } = pictures;
  await inRunFolder(options.name ?? asRunName(`knn-${name}`), options.out, async (runFolder) => {
    const result = await withEngine(engineOptions, (engine) =>
      studyViews(engine, { name, network, train, test, ks, metric, folds, seed, runFolder }),
    );
    const files = await writeKnnReport(result);
    if (options.json) console.log(JSON.stringify(jsonOf(result, files), null, 2));
    else printLines(linesOf(result, files));
  });
  return 0;
}

interface StudyOptions {
  name: string;
  network: NamedNetwork | undefined;
  train: Dataset;
  test: Dataset;
  ks: readonly number[];
  metric: KnnMetric;
  folds: number;
  seed: number;
  runFolder: string;
}

/** The pixels, and the features beside them if there is a network. */
async function studyViews(engine: Engine, options: StudyOptions): Promise<KnnResult> {
  const { name: data, network, train, test, ks, metric, folds, seed, runFolder } = options;
  const read = (what: string, dataset: Dataset): Promise<Rows> =>
    withBar(`reading the ${what} images`, (bar) => readLevels(dataset, bar.onProgress));
  const pixels = { train: await read('training', train), test: await read('test', test) };
  const study = async (name: string, rows: { train: Rows; test: Rows }): Promise<KnnView> => {
    const bars = stageBars(name);
    const found = await studyNeighbours(engine, {
      train: { rows: rows.train, labels: train.labels },
      test: { rows: rows.test, labels: test.labels },
      classes: train.classes.length,
      ...{ ks, metric, folds, seed, onProgress: bars.onProgress },
    }).finally(bars.stop);
    return { name, width: rows.train.width, ...found };
  };
  const views = [await study(pixelsName, pixels)];
  if (network) views.push(await study(network.name, await featuresOf(network, engine, { train, test })));
  return { data, train, test, pixels, views, engine: engine.info, folds, seed, runFolder };
}

async function featuresOf({ module, preprocessing, state, name }: NamedNetwork, engine: Engine, sets: { train: Dataset; test: Dataset }) {
  const numbers = await state();
  const read = (what: string, dataset: Dataset) =>
    withBar(`features of ${name}, ${what} images`, ({ onProgress }) =>
      datasetFeatures({ dataset, model: module, state: numbers, transforms: preprocessing, engine, onProgress }),
    );
  return { train: await read('training', sets.train), test: await read('test', sets.test) };
}
