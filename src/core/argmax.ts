/** Index of the largest of `width` numbers from `offset`: the first one if several are equal; NaN never wins over a number. */
export function argmax(values: ArrayLike<number>, offset = 0, width: number = values.length): number {
  let best = 0;
  for (let i = 1; i < width; i++) if (values[offset + i] > values[offset + best] || Number.isNaN(values[offset + best])) best = i;
  return best;
}

/** The class each row of `[N, classes]` logits (or probabilities) is highest at. */
export function predictedClasses(logits: ArrayLike<number>, classes: number): Int32Array {
  return Int32Array.from({ length: logits.length / classes }, (_, row) => argmax(logits, row * classes, classes));
}

/** How many rows of `[N, classes]` logits are highest at the target: the numerator of accuracy. */
export function countCorrect(logits: ArrayLike<number>, targets: ArrayLike<number>): number {
  const classes = logits.length / targets.length;
  let correct = 0;
  for (let row = 0; row < targets.length; row++) if (argmax(logits, row * classes, classes) === targets[row]) correct++;
  return correct;
}
