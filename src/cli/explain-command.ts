import { UsageError } from '../core/errors.ts';
import { f32, type NdArray } from '../core/ndarray.ts';
import { didYouMean } from '../core/nearest.ts';
import { Rng } from '../core/rng.ts';
import { formatShape, type Shape, sizeOf } from '../core/shape.ts';
import { readDigit } from '../data/digit.ts';
import { decodePicture } from '../data/picture.ts';
import { compose, type TransformList } from '../data/transforms/index.ts';
import { withEngine } from '../engine/threaded/with-engine.ts';
import { explainValue, formatExplanation } from '../explain/index.ts';
import { namedNetwork } from './named-network.ts';
import { integersIn, type NetworkChoice } from './network-choice.ts';
import { engineOptionsIn } from './options.ts';
import { printLines, printNotes } from './print.ts';

export interface ExplainCommandOptions extends NetworkChoice {
  picture: string;
  layer: string;
  at?: string;
  label?: string;
  engine?: unknown;
  threads?: unknown;
  json?: boolean;
}

/** A picture as the network takes it, digits as MNIST holds them. */
async function readPicture(file: string, shape: Shape, preprocessing: TransformList | undefined): Promise<NdArray<'f32'>> {
  const [channels, height, width] = shape;
  if (!preprocessing && channels === 1 && height === 28 && width === 28) return readDigit(file);
  if (!preprocessing)
    throw new UsageError({ where: file, expected: 'a network for 28×28 digits or pictures in files', got: formatShape(shape) });
  const data = new Float32Array(sizeOf(shape));
  compose(preprocessing).run(await decodePicture(file), new Rng(0), data);
  return f32(data, shape);
}

/** At most so many classes are named where there is none of a name. */
const mostNamed = 5;

/** Index of a class by its name, else by number. */
function labelOf({ label, layer }: ExplainCommandOptions, classNames: readonly string[], folders: readonly string[]): number | undefined {
  if (label === undefined) return undefined;
  if (layer !== 'softmax') throw new UsageError({ where: '--label', expected: '--layer softmax beside it', got: `--layer ${layer}` });
  const named = [classNames, folders].map((names) => names.indexOf(label)).find((index) => index >= 0);
  if (named !== undefined) return named;
  if (/^\d+$/.test(label)) return Number(label);
  const more = classNames.length > mostNamed ? ', …' : '';
  const listed = classNames.length
    ? `one of ${classNames.length} classes (${classNames.slice(0, mostNamed).join(', ')}${more}) or its`
    : 'a class’s';
  const hint = didYouMean(label, [...classNames, ...folders]);
  throw new UsageError({ where: '--label', expected: `${listed} number from 0`, got: `'${label}'`, hint });
}

/** Where one number of a network comes from. */
export async function explainCommand(options: ExplainCommandOptions): Promise<number> {
  const { picture, layer, at, json, ...choice } = options;
  const [channel, row, col] = at === undefined ? [] : integersIn(at, '--at', [1, 3], 0, '3,10,12 (channel, row, column) or 3');
  const engineOptions = engineOptionsIn(options);
  const { module, inputShape, classNames, classFolders = [], preprocessing, state, note } = await namedNetwork(choice);
  const label = labelOf(options, classNames, classFolders);
  const input = await readPicture(picture, inputShape, preprocessing);
  const numbers = await state();
  const position = { channel, row, col };
  const explanation = await withEngine(engineOptions, (engine) =>
    explainValue({ module, state: numbers, input, layer, position, label, engine }),
  );
  if (note) printNotes([`note: ${note}`]);
  if (json) console.log(JSON.stringify(explanation, null, 2));
  else printLines(formatExplanation(explanation, { classes: classNames }).split('\n'));
  return 0;
}
