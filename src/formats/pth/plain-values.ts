import { TorchTensor, toNdArray } from './torch-tensor.ts';

/** What JSON can hold, and numbers that are not finite. */
export type PlainValue = null | boolean | number | string | PlainValue[] | { [name: string]: PlainValue };

const maxDepth = 32;
const maxValues = 100_000;

const plainNumber = (value: number | bigint): number | string =>
  typeof value === 'number' || Number.isSafeInteger(Number(value)) ? Number(value) : String(value);

/**
 * A checkpoint's notes as plain values: dictionaries become objects, tuples and sets arrays, tensors of one element numbers, integers
 * beyond 2⁵³ text. What has no such form (larger tensors, bytes) is left out, and so is what is deeper or larger than notes are: values
 * that contain themselves end there too.
 */
export function toPlain(root: unknown): PlainValue | undefined {
  let left = maxValues;

  function list(items: Iterable<unknown>, depth: number): PlainValue[] | undefined {
    const plain: PlainValue[] = [];
    for (const item of items) {
      const value = convert(item, depth + 1);
      if (value === undefined) return undefined;
      plain.push(value);
    }
    return plain;
  }

  function dict(entries: Map<unknown, unknown>, depth: number): { [name: string]: PlainValue } {
    const plain: [string, PlainValue][] = [];
    for (const [key, item] of entries) {
      const value = typeof key === 'object' ? undefined : convert(item, depth + 1);
      if (value !== undefined) plain.push([String(key), value]);
    }
    return Object.fromEntries(plain);
  }

  function convert(value: unknown, depth: number): PlainValue | undefined {
    if (depth > maxDepth || left-- <= 0) return undefined;
    if (value === null || typeof value === 'boolean' || typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'bigint') return plainNumber(value);
    if (value instanceof Map) return dict(value, depth);
    if (Array.isArray(value) || value instanceof Set) return list(value, depth);
    const single = value instanceof TorchTensor && value.shape.every((extent) => extent === 1);
    return single ? plainNumber(toNdArray(value, '', { bytes: 8 }).data[0]) : undefined;
  }

  const plain = convert(root, 0);
  return left > 0 ? plain : undefined;
}
