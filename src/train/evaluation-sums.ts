import { countCorrect } from '../core/argmax.ts';
import type { Batch } from '../data/dataset.ts';
import type { Results } from '../engine/engine.ts';
import { countTopK } from './metrics.ts';

export interface Evaluation {
  /** Mean cross-entropy over all samples. */
  loss: number;
  /** Share of samples whose highest logit is the target's. */
  accuracy: number;
  /** `[N, classes]`, row-major, in the order of the data set. */
  logits: Float32Array;
  /** Share of samples whose target is among the five highest logits. */
  top5Accuracy: number;
  /** Samples that are left out because their files are broken. */
  skipped: readonly number[];
}

/** Cross-entropy of one sample, log Σ exp(z) − z[target]: a probability too small for a number still has its logarithm. */
function lossOf(logits: Float32Array, target: number): number {
  const top = logits.reduce((max, z) => Math.max(max, z), -Infinity);
  return top - logits[target] + Math.log(logits.reduce((sum, z) => sum + Math.exp(z - top), 0));
}

/** What an evaluation adds up; samples whose file is broken are left out. */
export class EvaluationSums {
  readonly #logits: Float32Array;
  readonly #classes: number;
  readonly #labels: Int32Array;
  readonly #skipped: number[] = [];
  #loss = 0;

  constructor(length: number, classes: number, labels: Int32Array) {
    this.#logits = new Float32Array(length * classes);
    this.#classes = classes;
    this.#labels = labels;
  }

  add(first: number, { y, loss }: Results, { target, replaced = [] }: Pick<Batch, 'target' | 'replaced'>): void {
    const logits = y.data as Float32Array;
    const classes = this.#classes;
    this.#logits.set(logits, first * classes);
    const n = target.data.length;
    if (replaced.length === 0) {
      this.#loss += Number(loss.data[0]) * n;
      return;
    }
    this.#skipped.push(...replaced.map((place) => first + place));
    for (let row = 0; row < n; row++)
      if (!replaced.includes(row)) this.#loss += lossOf(logits.subarray(row * classes, (row + 1) * classes), this.#labels[first + row]);
  }

  result(): Evaluation {
    const skipped = new Set(this.#skipped);
    const counted = this.#labels.length - skipped.size;
    let right = 0;
    let near = 0;
    for (let row = 0; row < this.#labels.length; row++) {
      if (skipped.has(row)) continue;
      const logits = this.#logits.subarray(row * this.#classes, (row + 1) * this.#classes);
      right += countCorrect(logits, [this.#labels[row]]);
      near += countTopK(logits, [this.#labels[row]], 5);
    }
    return {
      loss: this.#loss / counted,
      accuracy: right / counted,
      top5Accuracy: near / counted,
      logits: this.#logits,
      skipped: [...skipped],
    };
  }
}
