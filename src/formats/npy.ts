import { bytesPerElement, type DType, type NdArray } from '../core/ndarray.ts';
import { formatShape, type Shape, sizeOf } from '../core/shape.ts';
import { bytesOf, concatBytes, elementsOf, formatBytes, refuse } from './bytes.ts';

const magic = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59);
const descriptors: Record<DType, string> = { f32: '<f4', f64: '<f8', i32: '<i4', i64: '<i8', u8: '|u1' };
const dtypes: Readonly<Record<string, DType>> = Object.fromEntries(Object.entries(descriptors).map(([dtype, d]) => [d, dtype as DType]));

/** Where the header's text starts, by the file's major version, and how its length is written. */
const headerLayouts: Readonly<Record<number, { start: number; length: (view: DataView) => number }>> = {
  1: { start: 10, length: (view) => view.getUint16(8, true) },
  2: { start: 12, length: (view) => view.getUint32(8, true) },
  3: { start: 12, length: (view) => view.getUint32(8, true) },
};

/** The three fields of the header, a Python dictionary in text. */
const fields = {
  descr: /['"]descr['"]\s*:\s*['"]([^'"]*)['"]/,
  fortran_order: /['"]fortran_order['"]\s*:\s*(True|False)/,
  shape: /['"]shape['"]\s*:\s*\(([\d\s,L]*)\)/,
};

/**
 * Reads an array that NumPy saved.
 *
 * - `bytes`: the whole file; the array is a copy.
 * - `file`: what messages call it.
 *
 * Numerics: `<f4`, `<f8`, `<i4`, `<i8` and `u1`, row-major only.
 *
 * **Throws** `FormatError` naming the file: cut short, trailing bytes, another dtype or byte order, column-major.
 * **Source**: NumPy's format description, `numpy.lib.format`, versions 1 to 3.
 *
 * @example readNpy(await readFile('logits.npy'), 'logits.npy').shape
 */
export function readNpy(bytes: Uint8Array, file = 'npy'): NdArray {
  const start = bytes.subarray(0, magic.length);
  if (start.length < magic.length || magic.some((byte, i) => byte !== start[i]))
    refuse(file, `the magic bytes of .npy (${formatBytes(magic)})`, formatBytes(start));
  const layout = headerLayouts[bytes[6]];
  if (bytes.length >= 8 && !layout) refuse(file, 'version 1, 2 or 3 of .npy', `version ${bytes[6]}.${bytes[7]}`);
  if (!layout || bytes.length < layout.start) return refuse(file, 'a header', `${bytes.length} bytes`, 'The file is cut short.');
  const end = layout.start + layout.length(new DataView(bytes.buffer, bytes.byteOffset, layout.start));
  if (bytes.length < end)
    refuse(file, `a header of ${end - layout.start} bytes`, `${bytes.length - layout.start}`, 'The file is cut short.');
  const header = new TextDecoder().decode(bytes.subarray(layout.start, end));

  const field = (name: keyof typeof fields): string =>
    fields[name].exec(header)?.[1] ?? refuse(file, `a header with '${name}'`, JSON.stringify(header.trim()));
  const descriptor = field('descr');
  const dtype = Object.hasOwn(dtypes, descriptor) ? dtypes[descriptor] : undefined;
  if (!dtype) return refuse(file, `a dtype of ${Object.keys(dtypes).join(', ')}`, descriptor, 'Convert it with array.astype.');
  if (field('fortran_order') === 'True')
    refuse(file, 'a row-major array', 'fortran_order (column-major)', 'Save numpy.ascontiguousarray(array).');
  const shape: Shape = (field('shape').match(/\d+/g) ?? []).map(Number);
  const needed = sizeOf(shape) * bytesPerElement(dtype);
  const data = bytes.subarray(end);
  if (data.length !== needed)
    refuse(
      file,
      `${needed} bytes for ${dtype} ${formatShape(shape)}`,
      `${data.length}`,
      data.length < needed ? 'The file is cut short.' : undefined,
    );
  return { dtype, shape, data: elementsOf(dtype, data) };
}

/**
 * Writes an array as NumPy's `.npy`, version 1.
 *
 * **Throws** `FormatError` if the data do not fill the shape.
 * **Source**: NumPy's format description, `numpy.lib.format`.
 *
 * @example await writeFile('x.npy', writeNpy(f32([1, 2, 3])))
 */
export function writeNpy({ dtype, shape, data }: NdArray): Uint8Array {
  if (data.length !== sizeOf(shape)) refuse('npy', `${sizeOf(shape)} elements for ${formatShape(shape)}`, `${data.length}`);
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '${descriptors[dtype]}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const { start } = headerLayouts[1];
  const end = Math.ceil((start + text.length + 1) / 64) * 64;
  const header = new TextEncoder().encode(`${text.padEnd(end - start - 1)}\n`);
  const length = new Uint8Array(Uint16Array.of(header.length).buffer);
  return concatBytes([magic, Uint8Array.of(1, 0), length, header, bytesOf(data)]);
}
