import type { LinearObjective } from './linear-step.ts';

/** A linear classifier's numbers: W row by row, and b. */
export interface LinearModel {
  readonly classes: number;
  readonly width: number;
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/** The part of one class in the loss of one sample. */
export interface ScoreTerm {
  readonly score: number;
  /** Hinge: max(0, s_j − s_y + margin), 0 for the class itself. Softmax: the probability exp(s_j) / Σ exp. */
  readonly term: number;
}

/** R(W) = Σ W², in double precision. */
export const squaredWeights = (weight: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < weight.length; i++) sum += weight[i] * weight[i];
  return sum;
};

/** f(x, W, b) = Wx + b for one sample, in double precision. */
export function linearScores({ classes, width, weight, bias }: LinearModel, x: ArrayLike<number>): number[] {
  return Array.from({ length: classes }, (_, c) => {
    let score = bias[c];
    for (let i = 0; i < width; i++) score += weight[c * width + i] * x[i];
    return score;
  });
}

/**
 * The loss of one sample, class by class, so that it can be checked on paper.
 *
 *     hinge:   loss = Σ_(j≠y) max(0, s_j − s_y + margin)
 *     softmax: loss = −ln(exp(s_y) / Σ_j exp(s_j))       the natural logarithm
 *
 * @example explainScores([3.2, 5.1, -1.7], 0, { loss: 'hinge' }).loss // 2.9
 */
export function explainScores(scores: readonly number[], label: number, { loss = 'softmax', margin = 1 }: LinearObjective = {}) {
  if (loss === 'hinge') {
    const terms = scores.map((score, j): ScoreTerm => ({ score, term: j === label ? 0 : Math.max(0, score - scores[label] + margin) }));
    return { terms, loss: terms.reduce((sum, { term }) => sum + term, 0) };
  }
  const top = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  const terms = scores.map((score, j): ScoreTerm => ({ score, term: powers[j] / sum }));
  return { terms, loss: Math.log(sum) + top - scores[label] };
}
