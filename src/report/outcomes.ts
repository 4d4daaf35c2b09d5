import path from 'node:path';
import { predictedClasses } from '../core/argmax.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Evaluation } from '../train/evaluation-sums.ts';
import { type ClassScore, classScores, confusionMatrix, softmaxRow } from '../train/metrics.ts';
import { formatCsv } from './csv.ts';

/** What a network said about one sample of known class. */
export interface Outcome {
  /** Place in the data set. */
  readonly index: number;
  /** Of a picture in a file. */
  readonly file?: string;
  /** Class indices. */
  readonly truth: number;
  readonly guess: number;
  /** Of the guess, 0 to 1. */
  readonly probability: number;
  /** Of every class. */
  readonly probabilities: Float64Array;
}

/** What an evaluation found, sample by sample; those whose file is broken are left out. */
export function outcomesOf({ logits, skipped }: Evaluation, { classes, labels, pictures }: Dataset): Outcome[] {
  const missing = new Set(skipped);
  const guesses = predictedClasses(logits, classes.length);
  return Array.from(guesses, (guess, index) => {
    const probabilities = softmaxRow(logits, index * classes.length, classes.length);
    return { index, file: pictures?.files[index], truth: labels[index], guess, probability: probabilities[guess], probabilities };
  }).filter(({ index }) => !missing.has(index));
}

export const isWrong = ({ truth, guess }: Outcome): boolean => truth !== guess;

/** The wrong ones, the surest first. */
export const worstMistakes = (outcomes: readonly Outcome[]): Outcome[] =>
  outcomes.filter(isWrong).sort((a, b) => b.probability - a.probability || a.index - b.index);

/** Classes by probability, the highest first. */
export const ranking = ({ probabilities }: Outcome): number[] =>
  [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a] || a - b);

export const countsOf = (outcomes: readonly Outcome[], classes: number): number[][] =>
  confusionMatrix(
    outcomes.map(({ guess }) => guess),
    outcomes.map(({ truth }) => truth),
    classes,
  );

/** A class with its scores. */
export interface NamedScore extends ClassScore {
  readonly name: string;
  /** How many of its samples were right. */
  readonly right: number;
}

/** Scores of every class, in order. */
export const namedScores = (counts: readonly (readonly number[])[], names: readonly string[]): NamedScore[] =>
  classScores(counts).map((score, c) => ({ name: names[c], right: counts[c][c], ...score }));

/** One class taken for another. */
export interface Confusion {
  readonly truth: string;
  readonly guess: string;
  readonly count: number;
}

/** Pairs of classes by how often the first was taken for the second, the most often first. */
export const confusions = (counts: readonly (readonly number[])[], names: readonly string[]): Confusion[] =>
  counts
    .flatMap((row, t) => row.map((count, g) => ({ truth: names[t], guess: names[g], count: t === g ? 0 : count })))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count);

const rounded = (value: number): number => Number(value.toPrecision(7));

/** `per_class.csv`: class, name, precision, recall, f1, right, images. */
export const perClassCsv = (scores: readonly NamedScore[], classes: readonly string[]): string =>
  formatCsv(
    ['class', 'name', 'precision', 'recall', 'f1', 'right', 'images'],
    scores.map(({ name, precision, recall, f1, right, support }, c) => [
      classes[c],
      name,
      rounded(precision),
      rounded(recall),
      rounded(f1),
      right,
      support,
    ]),
  );

/** `predictions.csv` of pictures: file, truth, guess, probability, correct, and the five likeliest classes with their probabilities. */
export const pictureOutcomesCsv = (outcomes: readonly Outcome[], names: readonly string[], root: string): string =>
  formatCsv(
    ['file', 'truth', 'guess', 'probability', 'correct', 'top5'],
    outcomes.map((outcome) => [
      outcome.file && path.relative(root, outcome.file).split(path.sep).join('/'),
      names[outcome.truth],
      names[outcome.guess],
      rounded(outcome.probability),
      !isWrong(outcome),
      ranking(outcome)
        .slice(0, 5)
        .map((c) => `${names[c]} ${outcome.probabilities[c].toFixed(4)}`)
        .join('; '),
    ]),
  );
