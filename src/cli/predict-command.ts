import { columns } from '../core/columns.ts';
import { formatComplaint, UsageError } from '../core/errors.ts';
import { reasonOf } from '../data/check-pictures.ts';
import { readClassNames } from '../data/class-names.ts';
import { readDigit } from '../data/digit.ts';
import { describeUnnamed } from '../data/folder-report.ts';
import type { Engine } from '../engine/engine.ts';
import { type WithEngine, withEngine } from '../engine/threaded/with-engine.ts';
import { formatCsv } from '../report/csv.ts';
import { predict } from '../train/predict.ts';
import { openRecognizer, type PictureGuesses, type Recognizer, recognise } from '../train/recognizer.ts';
import { expandPictures } from './expand-pictures.ts';
import { isModel, namedNetwork } from './named-network.ts';
import { engineOptionsIn, integerIn, predictAliases, withAliases } from './options.ts';
import { printLines, printNotes } from './print.ts';
import { type Bar, withBar } from './progress-bar.ts';

export interface PredictCommandOptions extends Readonly<Record<string, unknown>> {
  images: string[];
  json?: boolean;
  csv?: boolean;
}

/** What recognises: a run, or a model with weights from elsewhere. */
type Known = Pick<Recognizer, 'file' | 'model' | 'state' | 'classes' | 'names' | 'preprocessing'>;

/** `--model <run>` or `--weights <run>`; or `--model <name>` with weights of it, which know no names but ImageNet's. */
async function openKnown({ model, weights, classes }: Readonly<Record<string, unknown>>): Promise<Known> {
  const run = model ?? weights;
  if (typeof run !== 'string') throw new UsageError({ where: 'predict', expected: '--model <run>', got: 'none' });
  if (!isModel(run)) {
    for (const [option, value] of Object.entries({ '--weights': model && weights, '--classes': classes }))
      if (value !== undefined)
        throw new UsageError({ where: option, expected: 'a model’s name as --model', got: `the run '${run}', which has its own` });
    return openRecognizer(run);
  }
  const choice = { network: run, weights: model && weights ? String(weights) : undefined, classes, mustBeTrained: true };
  const { name, module, scores, classNames, preprocessing, state } = await namedNetwork(choice);
  const names = classNames.length ? classNames : Array.from({ length: scores }, (_, c) => `class ${c}`);
  return { file: name, model: module, state: await state(), classes: names, names, preprocessing };
}

/** Digits that are in memory and go through the network at a time. */
const digitsAtOnce = 100;

/** Digits are centred as MNIST's are. A file that shows none has a problem instead of guesses. */
async function predictDigits(
  recognizer: Known,
  files: readonly string[],
  topK: number,
  { onProgress, ...options }: WithEngine & Pick<Bar, 'onProgress'>,
): Promise<PictureGuesses[]> {
  return withEngine(options, async (engine) => {
    const results: PictureGuesses[] = [];
    for (let from = 0; from < files.length; from += digitsAtOnce) {
      results.push(...(await predictSome(recognizer, files.slice(from, from + digitsAtOnce), topK, engine)));
      onProgress(results.length, files.length);
    }
    return results;
  });
}

async function predictSome(
  { model, state, names: classes }: Known,
  files: readonly string[],
  topK: number,
  engine: Engine,
): Promise<PictureGuesses[]> {
  const read = await Promise.all(files.map((file) => readDigit(file).catch((error: unknown) => reasonOf(error, file))));
  const digits = read.filter((digit) => typeof digit !== 'string');
  const sampleSize = digits[0]?.data.length ?? 0;
  const data = new Float32Array(digits.length * sampleSize);
  for (const [i, digit] of digits.entries()) data.set(digit.data, i * sampleSize);
  const x = { dtype: 'f32', shape: [digits.length, ...(digits[0]?.shape ?? [])], data } as const;
  const guesses = digits.length > 0 ? await predict({ model, state, classes, x, topK, engine }) : [];
  let next = 0;
  return files.map((file, i) => {
    const digit = read[i];
    return typeof digit === 'string' ? { file, problem: digit } : { file, guesses: guesses[next++] };
  });
}

function print(results: readonly PictureGuesses[], topK: number, { json, csv }: PredictCommandOptions): void {
  const told = results.filter((result) => 'guesses' in result);
  if (json)
    console.log(
      JSON.stringify(
        results.map(({ file, ...rest }) => ({ image: file, ...rest })),
        null,
        2,
      ),
    );
  else if (csv) {
    const columns = Array.from({ length: Math.min(topK, told[0]?.guesses.length ?? 0) }, (_, i) => [
      `guess${i + 1}`,
      `probability${i + 1}`,
    ]);
    const rows = told.map(({ file, guesses }) => [
      file,
      ...guesses.flatMap(({ className, prob }) => [className, Number(prob.toPrecision(7))]),
    ]);
    process.stdout.write(formatCsv(['file', ...columns.flat()], rows));
  } else if (told.length > 0) {
    const rows = told.map(({ file, guesses }) => [
      file,
      ...guesses.map(({ className, prob }) => `${className} ${(100 * prob).toFixed(1)}%`),
    ]);
    printLines(columns(rows, { textColumns: Number.POSITIVE_INFINITY }));
  }
}

/** The recognizer with other names to show for its classes; says which classes they leave out. */
async function withNames(recognizer: Known, file: unknown): Promise<Known> {
  if (file === undefined) return recognizer;
  const names = await readClassNames(String(file));
  const isNamed = (name: string) => Object.hasOwn(names, name);
  printNotes(describeUnnamed(recognizer.classes.filter((name) => !isNamed(name))).map((line) => `note: ${line}`));
  return { ...recognizer, names: recognizer.classes.map((name) => (isNamed(name) ? names[name] : name)) };
}

export async function predictCommand(given: PredictCommandOptions): Promise<number> {
  const options = withAliases(given, predictAliases);
  const topK = integerIn(options.topk, '--topk', 1) ?? 5;
  const recognizer = await withNames(await openKnown(options), options.names);
  const files = await expandPictures(given.images);
  const engine = engineOptionsIn(options);
  const results = await withBar('looking at pictures', ({ onProgress }) =>
    recognizer.preprocessing
      ? recognise({ recognizer, files, topK, onProgress, ...engine })
      : predictDigits(recognizer, files, topK, { onProgress, ...engine }),
  );
  print(results, topK, given);
  const broken = results.filter((result) => 'problem' in result);
  for (const { file, problem } of broken) console.error(`error: ${formatComplaint({ where: file, expected: 'a picture', got: problem })}`);
  return broken.length > 0 ? 1 : 0;
}
