import { EngineError } from '../core/errors.ts';
import type { NdArray } from '../core/ndarray.ts';
import { formatShape, sameShape, sizeOf } from '../core/shape.ts';
import type { TensorType } from '../graph/graph.ts';

/**
 * Refuses what a program cannot be fed for one of its inputs.
 *
 * **Throws** `EngineError` naming the input.
 */
export function checkFeed(name: string, { shape, dtype }: TensorType, feed: NdArray | undefined): asserts feed is NdArray {
  if (feed && feed.dtype === dtype && sameShape(feed.shape, shape) && feed.data.length === sizeOf(shape)) return;
  const isShort = feed && feed.data.length !== sizeOf(feed.shape);
  throw new EngineError({
    where: `input '${name}'`,
    expected: `${dtype} ${formatShape(shape)}`,
    got: feed ? `${feed.dtype} ${formatShape(feed.shape)}${isShort ? ` with ${feed.data.length} numbers` : ''}` : 'nothing',
  });
}
