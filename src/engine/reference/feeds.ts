import { EngineError } from '../../core/errors.ts';
import type { NdArray, NumberArray } from '../../core/ndarray.ts';
import { formatShape, sameShape, sizeOf } from '../../core/shape.ts';
import { type Graph, isPersistent, type Value } from '../../graph/index.ts';
import type { RawFeeds } from '../engine.ts';
import type { Arrays } from './interpreter.ts';

/** Puts what is fed and what is stored into the table, refusing by name what is missing or does not fit. Other names are ignored. */
export function bind(graph: Graph, arrays: Arrays, feeds: RawFeeds, stored: (name: string) => NdArray | undefined): void {
  for (const value of graph.values) {
    if (value.role === 'input') arrays[value.id] = fed(value, feeds[value.name]);
    else if (isPersistent(value)) arrays[value.id] = kept(value, stored(value.name));
  }
}

function fed(value: Value, array: NumberArray | undefined): NumberArray {
  const { name, shape, dtype } = value;
  const expected = `${sizeOf(shape)} ${dtype} numbers ${formatShape(shape)} for input '${name}'`;
  if (!array) throw new EngineError({ where: 'run', expected, got: 'nothing', hint: 'Feed every input of the graph by its name.' });
  const integers = array instanceof Int32Array;
  if (array.length !== sizeOf(shape) || integers !== (dtype === 'i32') || array instanceof Uint8Array)
    throw new EngineError({ where: 'run', expected, got: `${array.length} in a ${array.constructor.name}` });
  return array;
}

function kept({ name, shape, role }: Value, array: NdArray | undefined): NumberArray {
  const expected = `${role} '${name}' ${formatShape(shape)} in the store`;
  if (!array) throw new EngineError({ where: 'run', expected, got: 'nothing', hint: 'Load it before the first run.' });
  if (!sameShape(array.shape, shape)) throw new EngineError({ where: 'run', expected, got: formatShape(array.shape) });
  return array.data as NumberArray;
}
