import { UsageError } from '../core/errors.ts';
import { readDigit } from '../data/digit.ts';
import { createModel } from '../models/index.ts';
import { checkWeights, findWeights, loadCheckpoint } from '../train/checkpoint.ts';
import { predict } from '../train/predict.ts';
import { table } from './format.ts';
import { engineOptionsIn } from './options.ts';

export interface PredictCommandOptions {
  images: string[];
  weights?: string;
  model?: string;
  topk?: number | string;
  names?: string;
  csv?: boolean;
  engine?: unknown;
  threads?: unknown;
  json?: boolean;
}

export async function predictCommand(options: PredictCommandOptions): Promise<number> {
  const { images, weights = options.model ?? '', topk: topK = 3 } = options;
  if (typeof topK !== 'number' || !Number.isInteger(topK) || topK < 1)
    throw new UsageError({ where: '--topk', expected: 'an integer from 1', got: `${topK}` });
  const file = await findWeights(weights);
  const { metadata, model: state } = await loadCheckpoint(file);
  const { classes, sampleShape } = metadata;
  const model = createModel(metadata.model, { classes: classes.length, inChannels: sampleShape[0] });
  checkWeights(model, state, file);
  const digits = await Promise.all(images.map((image) => readDigit(image)));
  const data = new Float32Array(digits.length * digits[0].data.length);
  for (const [i, digit] of digits.entries()) data.set(digit.data, i * digit.data.length);
  const x = { dtype: 'f32', shape: [digits.length, ...digits[0].shape], data } as const;
  const guesses = await predict({ model, state, classes, x, topK, ...engineOptionsIn(options) });
  if (options.json)
    console.log(
      JSON.stringify(
        images.map((image, i) => ({ image, guesses: guesses[i] })),
        null,
        2,
      ),
    );
  else {
    const rows = images.map((image, i) => [image, ...guesses[i].map(({ className, prob }) => `${className} ${(100 * prob).toFixed(1)}%`)]);
    for (const line of table(rows)) console.log(line);
  }
  return 0;
}
