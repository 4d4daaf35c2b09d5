import { createModel } from '../models/index.ts';
import { checkWeights, findWeights, loadCheckpoint } from '../train/checkpoint.ts';
import { loadDataSet } from '../train/data-sets.ts';
import { evaluate } from '../train/evaluate.ts';
import { classScores, confusionMatrix, predictedClasses } from '../train/metrics.ts';
import { percent, table } from './format.ts';
import { engineOptionsIn } from './options.ts';

export interface ValCommandOptions {
  run: string;
  dataDir?: string;
  engine?: unknown;
  threads?: unknown;
  json?: boolean;
}

export async function valCommand(options: ValCommandOptions): Promise<number> {
  const file = await findWeights(options.run);
  const { metadata, model: state } = await loadCheckpoint(file);
  const { recipe, classes, sampleShape, progress } = metadata;
  const model = createModel(metadata.model, { classes: classes.length, inChannels: sampleShape[0] });
  checkWeights(model, state, file);
  const { test } = await loadDataSet({ ...recipe, ...(options.dataDir && { dataDir: options.dataDir }) });
  const { loss, accuracy, logits } = await evaluate({ model, state, dataset: test, ...engineOptionsIn(options) });
  const counts = confusionMatrix(predictedClasses(logits, classes.length), test.labels, classes.length);
  const scores = classScores(counts);
  if (options.json) {
    const perClass = Object.fromEntries(scores.map((score, c) => [classes[c], score]));
    console.log(
      JSON.stringify(
        {
          weights: file,
          model: metadata.model,
          step: progress.step,
          images: test.length,
          accuracy,
          loss,
          classes: perClass,
          confusionMatrix: counts,
        },
        null,
        2,
      ),
    );
    return 0;
  }
  console.log(`${file}: ${metadata.model} after step ${progress.step}`);
  console.log(`Test accuracy ${percent(accuracy)} of ${test.length} images, loss ${loss.toFixed(4)}\n`);
  const rows = scores.map(({ precision, recall, f1, support }, c) => [
    classes[c],
    percent(precision),
    percent(recall),
    percent(f1),
    `${support}`,
  ]);
  for (const line of table([['class', 'precision', 'recall', 'F1', 'images'], ...rows])) console.log(line);
  return 0;
}
