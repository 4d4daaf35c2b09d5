import type { ArrayOf, DType, NdArray } from '../core/ndarray.ts';
import { formatShape, type Shape, sizeOf, stridesOf } from '../core/shape.ts';
import { type ElementName, elementTypes, gather, isExtents } from './element-types.ts';
import { describe } from './pickle-machine.ts';
import { type Buildable, formatName, type PickleContext, type PickleFunction, type PickleGlobals } from './pickle-types.ts';

/** NumPy's codes: a letter for the kind, then the width in bytes. */
const codes: ReadonlyMap<unknown, ElementName> = new Map<string, ElementName>([
  ['f2', 'float16'],
  ['f4', 'float32'],
  ['f8', 'float64'],
  ['i1', 'int8'],
  ['i2', 'int16'],
  ['u2', 'uint16'],
  ['i4', 'int32'],
  ['i8', 'int64'],
  ['u1', 'uint8'],
  ['b1', 'bool'],
]);

class NumpyDtype implements Buildable {
  readonly element: ElementName;
  constructor(element: ElementName) {
    this.element = element;
  }
  setState(state: unknown, context: PickleContext): void {
    if (Array.isArray(state) && state[1] === '>') context.fail('little-endian numbers', 'big-endian ones', 'Convert with array.astype.');
  }
}

/** Raw bytes; Python 2 wrote them as a string, which is text where it happens to be ASCII. */
const rawBytes = (value: unknown, context: PickleContext): Uint8Array => {
  if (value instanceof Uint8Array) return value;
  if (typeof value !== 'string') return context.fail('the bytes of an array', describe(value));
  context.spend(value.length);
  return Uint8Array.from(value, (c) => c.charCodeAt(0));
};

function decode(dtype: unknown, shape: unknown, raw: unknown, columnMajor: boolean, context: PickleContext): NdArray {
  if (!(dtype instanceof NumpyDtype)) return context.fail('a NumPy dtype', describe(dtype));
  if (!isExtents(shape)) return context.fail('a shape', describe(shape));
  const bytes = rawBytes(raw, context);
  const element = elementTypes[dtype.element];
  if (bytes.length !== sizeOf(shape) * element.bytes)
    context.fail(`${sizeOf(shape) * element.bytes} bytes for ${dtype.element} ${formatShape(shape)}`, `${bytes.length}`);
  context.spend(4 * bytes.length);
  const strides = columnMajor ? stridesOf([...shape].reverse()).reverse() : stridesOf(shape);
  return { dtype: element.dtype, shape, data: element.decode(gather(bytes, element.bytes, 0, shape, strides)) };
}

/** An array, empty until its state is set. */
class NumpyArray implements NdArray, Buildable {
  dtype: DType = 'u8';
  shape: Shape = [0];
  data: ArrayOf<DType> = new Uint8Array(0);
  setState(state: unknown, context: PickleContext): void {
    const [, shape, dtype, columnMajor, raw] = Array.isArray(state) ? state : context.fail('the state of an array', describe(state));
    Object.assign(this, decode(dtype, shape, raw, columnMajor === true, context));
  }
}

const makeDtype: PickleFunction = ([code], context) =>
  new NumpyDtype(codes.get(code) ?? context.fail(`a dtype of ${[...codes.keys()].join(', ')}`, describe(code)));

const makeScalar: PickleFunction = ([dtype, raw], context) => decode(dtype, [], raw, false, context).data[0];

const fromBuffer: PickleFunction = ([raw, dtype, shape, order], context) => decode(dtype, shape, raw, order === 'F', context);

/** Protocol 2 writes bytes as text in which every character stands for one. */
const encode: PickleFunction = ([text, encoding], context) => {
  if (typeof text !== 'string' || encoding !== 'latin1')
    return context.fail('text that stands for bytes', `encoding ${describe(encoding)}`);
  context.spend(text.length);
  return Uint8Array.from(text, (c) => (c.charCodeAt(0) < 256 ? c.charCodeAt(0) : context.fail('latin1', formatName(c))));
};

/** What pickled NumPy arrays and scalars need: arrays become `NdArray`s, scalars numbers. */
export const numpyGlobals: PickleGlobals = new Map<string, unknown>([
  ['numpy.dtype', makeDtype],
  ['numpy.ndarray', 'numpy.ndarray'],
  ...['numpy.core', 'numpy._core'].flatMap((core): [string, unknown][] => [
    [`${core}.multiarray._reconstruct`, () => new NumpyArray()],
    [`${core}.multiarray.scalar`, makeScalar],
    [`${core}.numeric._frombuffer`, fromBuffer],
  ]),
  ['_codecs.encode', encode],
]);
