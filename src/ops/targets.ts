import { DataError, NumericError, ShapeError } from '../core/errors.ts';
import type { NumberArray } from '../core/ndarray.ts';
import { formatShape, type Shape } from '../core/shape.ts';
import { attr } from '../graph/attrs.ts';

/** Attributes that every loss over class scores and class indices shares. */
export const targetAttrs = {
  classWeights: attr.numbersOrNull({ doc: 'Weight of every class; null weighs all alike', min: 0, default: null }),
  ignoreIndex: attr.int({ doc: 'Rows with this target do not count', default: -100 }),
};

/** Refuses scores that are not `[N,C]`, targets that are not `[N]` and class weights that are not `C`. */
export function checkScores(scores: Shape, target: Shape, classWeights: readonly number[] | null, where: string): void {
  if (scores.length !== 2)
    throw new ShapeError({ where, expected: 'scores [N,C]', got: formatShape(scores), hint: 'Flatten or pool the pictures first.' });
  if (target.length !== 1 || target[0] !== scores[0])
    throw new ShapeError({ where, expected: `targets [${scores[0]}], one class index a row of scores`, got: formatShape(target) });
  if (classWeights && classWeights.length !== scores[1])
    throw new ShapeError({ where, expected: `${scores[1]} class weights, one a class`, got: `${classWeights.length}` });
}

/** The class of a row; a target that is no class is refused, never read past the row's end. */
export function classOf(target: NumberArray, row: number, classes: number, where: string): number {
  const y = target[row];
  if (!(y >= 0 && y < classes))
    throw new DataError({
      where,
      expected: `targets from 0 to ${classes - 1}`,
      got: `${y} in row ${row}`,
      hint: 'Check the labels, or set ignoreIndex to the label of rows that do not count',
    });
  return y;
}

export interface Targets {
  readonly target: NumberArray;
  readonly classes: number;
  readonly classWeights: readonly number[] | null;
  readonly ignoreIndex: number;
  readonly where: string;
}

/**
 * Sum of the weights of the rows that count: what a weighted mean divides by. Also checks every target.
 *
 * **Throws** `DataError` for a target that is no class, `NumericError` if no row counts.
 */
export function totalWeight({ target, classes, classWeights, ignoreIndex, where }: Targets): number {
  let total = 0;
  for (let i = 0; i < target.length; i++) {
    if (target[i] === ignoreIndex) continue;
    const y = classOf(target, i, classes, where);
    total += classWeights ? classWeights[y] : 1;
  }
  if (!(total > 0))
    throw new NumericError({
      where,
      expected: 'at least one row of the batch with a weight above 0',
      got: `${target.length} rows that do not count`,
      hint: 'Use larger batches or other class weights',
    });
  return total;
}
