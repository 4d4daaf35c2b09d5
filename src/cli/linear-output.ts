import type { explainScores, LinearModel, LinearObjective, LinearResult } from '../classic/index.ts';
import { squaredWeights } from '../classic/index.ts';
import { columns } from '../core/columns.ts';
import type { Dataset } from '../data/dataset.ts';
import type { EngineInfo } from '../engine/engine.ts';
import { fontNote } from '../report/fonts.ts';
import { namedScores } from '../report/outcomes.ts';
import { penaltyExample } from '../report/penalty-chart.ts';
import { confusionMatrix } from '../train/metrics.ts';
import type { Recipe } from '../train/recipe.ts';
import { counted, engineName, percent } from './format.ts';
import { fileList, type ReportFile } from './run-files.ts';

/** What training with another λ gave. */
export interface PenaltyRun {
  readonly l2: number;
  readonly model: LinearModel;
  readonly trainAccuracy: number;
  readonly testAccuracy: number;
  readonly squaredWeights: number;
}

export interface LinearRun {
  readonly data: string;
  readonly train: Dataset;
  readonly test: Dataset;
  readonly objective: Required<LinearObjective>;
  readonly recipe: Recipe;
  readonly engine: EngineInfo;
  readonly result: LinearResult;
  /** By λ from the smallest; empty if none was to be compared. */
  readonly compared: readonly PenaltyRun[];
  /** The scores of one test image. */
  readonly explained: ReturnType<typeof explainScores> & { readonly sample: number; readonly label: number };
  readonly runFolder: string;
}

export const countsOf = ({ result: { predictions }, test: { labels, classes } }: LinearRun): number[][] =>
  confusionMatrix(predictions, labels, classes.length);

export function linearJson(run: LinearRun, files: readonly ReportFile[]): object {
  const { data, train, test, objective, recipe, engine, result, compared, explained, runFolder } = run;
  const { epochs, batchSize, lr, momentum, schedule, seed } = recipe;
  const counts = countsOf(run);
  return {
    data,
    trainImages: train.length,
    testImages: test.length,
    weights: [result.model.classes, result.model.width],
    ...objective,
    ...{ epochs, batchSize, lr, momentum, schedule, seed, engine },
    history: result.history,
    accuracy: result.history.at(-1)!.testAccuracy,
    squaredWeights: squaredWeights(result.model.weight),
    classes: namedScores(counts, test.classes),
    confusionMatrix: counts,
    compared: compared.map(({ model, ...numbers }) => numbers),
    sample: {
      index: explained.sample,
      class: test.classes[explained.label],
      scores: explained.terms.map((term, c) => ({ name: test.classes[c], ...term })),
      loss: explained.loss,
    },
    runFolder,
    files: files.map(({ name }) => name),
  };
}

const lossWords = {
  hinge: ({ margin }: Required<LinearObjective>) => `hinge, Σ max(0, s_j − s_y + ${margin}) over the other classes`,
  softmax: () => 'softmax cross-entropy, −ln(exp(s_y) / Σ exp(s_j))',
};

/** Score by score how the loss of one image comes about. */
function sampleLines({ objective, explained, test }: LinearRun): string[] {
  const { sample, label, terms, loss } = explained;
  const isHinge = objective.loss === 'hinge';
  const missing = terms.flatMap(({ term }, c) => (c !== label && term > 0 ? [term.toFixed(4)] : []));
  const rows = terms.map(({ score, term }, c) => [
    `${test.classes[c]}${c === label ? ' (true)' : ''}`,
    score.toFixed(4),
    isHinge && c === label ? '–' : isHinge ? term.toFixed(4) : percent(term),
  ]);
  const sum = isHinge
    ? `loss = ${missing.length > 1 ? `${missing.join(' + ')} = ` : ''}${loss.toFixed(4)}`
    : `loss = −ln ${terms[label].term.toFixed(4)} = ${loss.toFixed(4)}`;
  return [
    `Scores of test image ${sample}, which is of class ${test.classes[label]}: s = Wx + b`,
    ...columns([['class', 'score', isHinge ? `max(0, s_j − s_y + ${objective.margin})` : 'exp(s_j) / Σ exp'], ...rows]),
    sum,
  ];
}

/** Σ W² in digits that tell one λ from another, however small: `12.75`, `0.01352`. */
export const sizeText = (squares: number): string => `${Number(squares.toPrecision(4))}`;

function penaltyLines({ compared }: LinearRun): string[] {
  if (compared.length === 0) return [];
  const rows = compared.map((one) => [`${one.l2}`, percent(one.trainAccuracy), percent(one.testAccuracy), sizeText(one.squaredWeights)]);
  const { x, weights } = penaltyExample;
  const [a, b] = weights.map((w) => ({
    score: w.reduce<number>((sum, value, i) => sum + value * x[i], 0),
    squares: w.reduce<number>((sum, value) => sum + value * value, 0),
  }));
  return [
    'The effect of λ',
    ...columns([['λ', 'training', 'test', 'R(W) = Σ W²'], ...rows]),
    `Equal scores, different R(W): x = [${x}], w₁ = [${weights[0]}], w₂ = [${weights[1]}]: w₁·x = ${a.score} and w₂·x = ${b.score}, but R(w₁) = ${a.squares} and R(w₂) = ${b.squares}.`,
    '',
  ];
}

/** What the command says. */
export function linearLines(run: LinearRun, files: readonly ReportFile[]): string[] {
  const { data, train, test, objective, recipe, engine, result, runFolder } = run;
  const { classes, width } = result.model;
  const { epochs, batchSize, momentum, lr, schedule } = recipe;
  const note = fontNote(test.classes, 'the same command');
  const last = result.history.at(-1)!;
  const right = Math.round(last.testAccuracy * test.length);
  const history = result.history.map((row) => [
    `${row.epoch}`,
    `${Number(row.lr.toPrecision(3))}`,
    row.trainLoss.toFixed(4),
    percent(row.trainAccuracy),
    row.testLoss.toFixed(4),
    percent(row.testAccuracy),
  ]);
  const perClass = countsOf(run).map((row, c) => {
    const all = row.reduce((a, b) => a + b, 0);
    return [test.classes[c], all ? percent(row[c] / all) : '–', `${row[c]} of ${all}`];
  });
  return [
    `Linear classifier f(x, W, b) = Wx + b on ${data}: ${counted(train.length, 'training image')}, ${counted(test.length, 'test image')}`,
    `W ${classes} × ${width}, b ${classes}: ${width} weights and a bias for each class, ${classes * (width + 1)} numbers in all`,
    `Loss: ${lossWords[objective.loss](objective)}, mean over the images, + λ·Σ W² with λ = ${objective.l2}`,
    `Gradient descent: ${counted(epochs, 'epoch')}, ${counted(batchSize, 'image')} a step, momentum ${momentum}, learning rate ${lr}${schedule === 'constant' ? '' : ` (${schedule})`}`,
    `Engine: ${engineName(engine)}`,
    '',
    ...columns([['epoch', 'rate', 'loss', 'training', 'test loss', 'test'], ...history]),
    '',
    `Test accuracy ${percent(last.testAccuracy)} (${right} of ${counted(test.length, 'image')} right), R(W) = ${sizeText(squaredWeights(result.model.weight))}`,
    ...columns([['class', 'accuracy', 'right'], ...perClass]),
    '',
    ...sampleLines(run),
    '',
    ...penaltyLines(run),
    ...(note.length ? [...note, ''] : []),
    ...fileList(runFolder, files),
  ];
}
