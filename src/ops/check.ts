import { ShapeError } from '../core/errors.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import type { TensorType } from '../graph/graph.ts';

/** Refuses a tensor whose shape differs from `pattern`: numbers must match, letters stand for any extent. */
export function expectShape(where: string, name: string, type: TensorType, pattern: readonly (number | string)[]): void {
  const fits = type.shape.length === pattern.length && pattern.every((p, i) => typeof p === 'string' || p === type.shape[i]);
  if (!fits) throw new ShapeError({ where, expected: `${name} [${pattern.join(',')}]`, got: formatShape(type.shape) });
}

/** Refuses two tensors of different shapes. */
export function expectSame(where: string, nameA: string, a: TensorType, nameB: string, b: TensorType): void {
  if (!sameShape(a.shape, b.shape))
    throw new ShapeError({ where, expected: `${nameB} ${formatShape(a.shape)}, the shape of ${nameA}`, got: formatShape(b.shape) });
}

/** A result of the graph: `f32` unless said otherwise. */
export const real = (shape: readonly number[]): TensorType => ({ shape, dtype: 'f32' });
export const integer = (shape: readonly number[]): TensorType => ({ shape, dtype: 'i32' });
