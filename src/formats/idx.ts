import { bytesPerElement, type DType, type NdArray } from '../core/ndarray.ts';
import { formatShape, type Shape, sizeOf } from '../core/shape.ts';
import { bigEndianElementsOf, formatBytes, refuse } from './bytes.ts';

const dtypes: Readonly<Record<number, DType>> = { 8: 'u8', 12: 'i32', 13: 'f32', 14: 'f64' };
const magicBytes = 4;

/**
 * Reads an IDX file, the format of MNIST: two zero bytes, dtype, number of axes, extents and elements, all big-endian.
 *
 * - `bytes`: the whole file; bytes (`u8`) are a view of it, other dtypes a copy.
 * - `file`: what messages call it.
 *
 * **Throws** `FormatError` naming the file: wrong magic, another dtype, cut short, trailing bytes.
 * **Source**: the file format section of LeCun's MNIST page.
 *
 * @example readIdx(await readFile('t10k-images-idx3-ubyte')).shape // [10000, 28, 28]
 */
export function readIdx(bytes: Uint8Array, file = 'idx'): NdArray {
  const magic = bytes.subarray(0, magicBytes);
  if (magic.length < magicBytes) refuse(file, 'an IDX file', `${bytes.length} bytes`, 'The file is cut short or empty.');
  const [zero1, zero2, code, axes] = magic;
  const dtype = dtypes[code];
  if (zero1 || zero2 || !dtype || !axes)
    refuse(file, 'the magic bytes 0x00 0x00, a dtype (0x08, 0x0c, 0x0d, 0x0e) and the number of axes', formatBytes(magic));
  const start = magicBytes + 4 * axes;
  if (bytes.length < start) refuse(file, `a header of ${start} bytes`, `${bytes.length}`, 'The file is cut short.');
  const view = new DataView(bytes.buffer, bytes.byteOffset, start);
  const shape: Shape = Array.from({ length: axes }, (_, axis) => view.getUint32(magicBytes + 4 * axis));
  const data = bytes.subarray(start);
  const needed = sizeOf(shape) * bytesPerElement(dtype);
  const wanted = `${needed} bytes for ${dtype} ${formatShape(shape)}`;
  if (data.length < needed) refuse(file, wanted, `${data.length}`, 'The file is cut short: fetch it again.');
  if (data.length > needed) refuse(file, wanted, `${data.length - needed} more`, 'The file is damaged: fetch it again.');
  if (dtype === 'u8') return { dtype, shape, data: data as Uint8Array<ArrayBuffer> };
  return { dtype, shape, data: bigEndianElementsOf(dtype, data) };
}
