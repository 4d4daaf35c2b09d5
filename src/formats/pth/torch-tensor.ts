import type { NdArray } from '../../core/ndarray.ts';
import { formatShape, type Shape, sizeOf } from '../../core/shape.ts';
import { refuse } from '../bytes.ts';
import { type ElementName, elementTypes, gather, isExtents, lastIndexOf } from '../element-types.ts';
import { describe } from '../pickle-machine.ts';
import type { PickleContext } from '../pickle-types.ts';

/** A class of storages: what its elements are, or `undefined` where only the tensors over it say so. */
export class StorageType {
  readonly element: ElementName | undefined;
  constructor(element?: ElementName) {
    this.element = element;
  }
}

/** A run of bytes that tensors share. */
export class TorchStorage {
  readonly key: string;
  readonly element: ElementName | undefined;
  readonly byteLength: number;
  readonly bytes: () => Uint8Array;
  constructor(key: string, element: ElementName | undefined, byteLength: number, bytes: () => Uint8Array) {
    this.key = key;
    this.element = element;
    this.byteLength = byteLength;
    this.bytes = bytes;
  }
}

/** A tensor as the pickle describes it: a window on a storage, not yet read. Offset and strides count elements. */
export class TorchTensor {
  readonly storage: TorchStorage;
  readonly element: ElementName;
  readonly offset: number;
  readonly shape: Shape;
  readonly strides: Shape;
  constructor(storage: TorchStorage, element: ElementName, offset: number, shape: Shape, strides: Shape) {
    this.storage = storage;
    this.element = element;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/** A tensor from what the file claims about it, checked to lie inside its storage. `dtype` overrides the storage's. */
export function makeTensor(context: PickleContext, [storage, offset, shape, strides]: readonly unknown[], dtype?: unknown): TorchTensor {
  if (!(storage instanceof TorchStorage)) return context.fail('a storage of numbers', describe(storage));
  const element = (dtype as ElementName | undefined) ?? storage.element ?? context.fail('a storage with a dtype', 'an untyped one');
  if (typeof element !== 'string' || !Object.hasOwn(elementTypes, element))
    return context.fail(`a dtype of ${Object.keys(elementTypes).join(', ')}`, describe(element));
  if (!isExtents(shape)) return context.fail('a shape of non-negative integers', describe(shape));
  if (!isExtents(strides) || strides.length !== shape.length)
    return context.fail(`${shape.length} non-negative strides`, isExtents(strides) ? formatShape(strides) : describe(strides));
  if (typeof offset !== 'number' || !isExtents([offset])) return context.fail('a non-negative offset', describe(offset));
  const last = lastIndexOf(shape, strides);
  const held = Math.floor(storage.byteLength / elementTypes[element].bytes);
  if (last >= 0 && !(offset + last < held))
    context.fail(
      `a storage of at least ${offset + last + 1} elements for a tensor ${formatShape(shape)}`,
      `${held} in storage ${storage.key}`,
      'The file is damaged.',
    );
  return new TorchTensor(storage, element, offset, shape, strides);
}

/** Bytes that tensors may still take up; a small file can claim very large ones by strides of 0 or by sharing. */
export interface Allowance {
  bytes: number;
}

/** The tensor's numbers, contiguous and its own. */
export function toNdArray(tensor: TorchTensor, where: string, allowance: Allowance): NdArray {
  const { bytes, dtype, decode } = elementTypes[tensor.element];
  allowance.bytes -= sizeOf(tensor.shape) * Math.max(4, bytes);
  if (!(allowance.bytes >= 0))
    refuse(
      where,
      'tensors of a size in proportion to the file',
      `${formatShape(tensor.shape)} on top of the others`,
      'The file is made to exhaust memory.',
    );
  const data = decode(gather(tensor.storage.bytes(), bytes, tensor.offset, tensor.shape, tensor.strides));
  return { dtype, shape: tensor.shape, data };
}
