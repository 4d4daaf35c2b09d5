import { bytesPerElement, type DType, type StateDict } from '../core/ndarray.ts';
import { formatShape, sizeOf } from '../core/shape.ts';
import { bytesOf, concatBytes, refuse } from './bytes.ts';
import { type ElementType, elementTypes, isExtents } from './element-types.ts';

/** What a safetensors file holds. */
export interface Safetensors {
  /** In the order of their bytes in the file. */
  tensors: StateDict;
  /** The file's `__metadata__`: text by name. */
  metadata: Record<string, string>;
}

/** What the format calls a dtype that is written. */
const names: Record<DType, string> = { f64: 'F64', f32: 'F32', i64: 'I64', i32: 'I32', u8: 'U8' };
/** By the format's name. */
const readable: Readonly<Record<string, ElementType>> = {
  F64: elementTypes.float64,
  F32: elementTypes.float32,
  I64: elementTypes.int64,
  I32: elementTypes.int32,
  U8: elementTypes.uint8,
  F16: elementTypes.float16,
  BF16: elementTypes.bfloat16,
};

const metadataKey = '__metadata__';
const lengthBytes = 8;
/** The format's own bound; it keeps a lying length from asking for gigabytes of JSON. */
const maxHeaderBytes = 100_000_000;

/** Whether bytes begin like a safetensors file: a length, then JSON. No other format has its `{` there and so short a length before it. */
export const isSafetensors = (bytes: Uint8Array): boolean => bytes[8] === 0x7b && bytes.subarray(4, 8).every((byte) => byte === 0);

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

function parseHeader(bytes: Uint8Array, file: string): { header: Record<string, unknown>; data: Uint8Array } {
  if (bytes.length < lengthBytes)
    refuse(file, 'a safetensors file of at least 8 bytes', `${bytes.length} bytes`, 'The file is cut short or empty.');
  const length = new DataView(bytes.buffer, bytes.byteOffset, lengthBytes).getBigUint64(0, true);
  if (length > maxHeaderBytes)
    refuse(file, `a safetensors header of at most ${maxHeaderBytes} bytes`, `a length of ${length}`, 'This is not a safetensors file.');
  const end = lengthBytes + Number(length);
  if (end > bytes.length) refuse(file, `a header of ${length} bytes`, `${bytes.length - lengthBytes} bytes`, 'The file is cut short.');
  let header: unknown;
  let text = '';
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(lengthBytes, end));
    header = JSON.parse(text);
  } catch {
    refuse(file, 'a header in JSON (UTF-8)', 'something else', 'The file is damaged or not a safetensors file.');
  }
  if (!isObject(header)) return refuse(file, 'a JSON object as header', Array.isArray(header) ? 'an array' : String(header));
  // JSON.parse keeps the last of two equal names in silence; every value of a header is an object, so the names can be counted.
  const written = [...text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:\s*\{)?/g)].filter(([, opens]) => opens).length;
  const kept = Object.keys(header).length;
  if (written > kept) refuse(file, 'names that are all different', `${kept} names for ${written} entries`);
  return { header, data: bytes.subarray(end) };
}

function parseMetadata(value: unknown, file: string): Record<string, string> {
  if (value === undefined) return {};
  if (!isObject(value)) return refuse(file, `${metadataKey} to be an object`, JSON.stringify(value));
  const stranger = Object.entries(value).find(([, text]) => typeof text !== 'string');
  if (stranger) refuse(`${file}: ${metadataKey}.${stranger[0]}`, 'text', JSON.stringify(stranger[1]));
  return value as Record<string, string>;
}

interface Entry {
  name: string;
  element: ElementType;
  shape: number[];
  begin: number;
  end: number;
}

function parseEntry(name: string, value: unknown, file: string): Entry {
  const where = `${file}: ${name}`;
  if (!isObject(value)) return refuse(where, 'dtype, shape and data_offsets', JSON.stringify(value));
  const { dtype, shape, data_offsets: offsets } = value;
  const known = typeof dtype === 'string' && Object.hasOwn(readable, dtype) ? readable[dtype] : undefined;
  if (!known) return refuse(where, `a dtype of ${Object.keys(readable).join(', ')}`, JSON.stringify(dtype) ?? 'none');
  if (!isExtents(shape)) return refuse(where, 'a shape of non-negative integers', JSON.stringify(shape) ?? 'none');
  if (!isExtents(offsets) || offsets.length !== 2 || offsets[0] > offsets[1])
    return refuse(where, 'data_offsets [begin, end] with 0 ≤ begin ≤ end', JSON.stringify(offsets) ?? 'none');
  const [begin, end] = offsets;
  const needed = sizeOf(shape) * known.bytes;
  if (end - begin !== needed) refuse(where, `${needed} bytes for ${dtype} ${formatShape(shape)}`, `${end - begin}`);
  return { name, element: known, shape, begin, end };
}

/** The entries' bytes must tile the data: no overlap, no hole, nothing behind the last one. */
function checkTiling(entries: readonly Entry[], dataBytes: number, file: string): void {
  let previous = { name: 'the header', end: 0 };
  for (const entry of entries) {
    if (entry.begin !== previous.end) {
      const kind = entry.begin < previous.end ? 'an overlap' : 'a hole';
      refuse(`${file}: ${entry.name}`, `bytes from ${previous.end}, where ${previous.name} ends`, `${kind} (from ${entry.begin})`);
    }
    previous = entry;
  }
  if (dataBytes < previous.end)
    refuse(`${file}: ${previous.name}`, `${previous.end} bytes of data`, `${dataBytes}`, 'The file is cut short: load an older copy.');
  if (dataBytes > previous.end) refuse(file, `${previous.end} bytes of data`, `${dataBytes - previous.end} more`);
}

/**
 * Reads a safetensors file.
 *
 * - `bytes`: the whole file; the tensors are copies.
 * - `file`: what messages call it.
 *
 * Numerics: F64, F32, I64, I32 and U8 are kept; F16 and BF16 become `f32`, exactly.
 *
 * **Throws** `FormatError` naming the file and the tensor if the file is cut short, has bytes that no tensor or two tensors own, or
 * a dtype, shape and length that do not agree.
 * **Source**: the safetensors format, huggingface/safetensors README.
 *
 * @example readSafetensors(await readFile(path), path).tensors.get('conv1.weight')
 */
export function readSafetensors(bytes: Uint8Array, file = 'safetensors'): Safetensors {
  const { header, data } = parseHeader(bytes, file);
  const metadata = parseMetadata(header[metadataKey], file);
  const entries = Object.entries(header)
    .filter(([name]) => name !== metadataKey)
    .map(([name, value]) => parseEntry(name, value, file))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkTiling(entries, data.length, file);
  const tensors: StateDict = new Map();
  for (const { name, element, shape, begin, end } of entries)
    tensors.set(name, { dtype: element.dtype, shape, data: element.decode(data.subarray(begin, end)) });
  return { tensors, metadata };
}

/**
 * Writes a safetensors file: the same tensors in the same order give the same bytes.
 *
 * Wider dtypes come first, so that every tensor starts at a multiple of its element size; within a dtype's width the map's order is kept.
 *
 * - `tensors`: by name; `__metadata__` is not a name.
 * - `metadata`: text by name. Default: none.
 *
 * **Throws** `FormatError` if a tensor's data do not fill its shape.
 * **Source**: the safetensors format, huggingface/safetensors README.
 *
 * @example writeSafetensors(new Map([['bias', f32([0, 1])]]), { epoch: '3' })
 */
export function writeSafetensors(tensors: StateDict, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const entries = [...tensors].sort(([, a], [, b]) => bytesPerElement(b.dtype) - bytesPerElement(a.dtype));
  const fields = Object.keys(metadata).length ? [`${JSON.stringify(metadataKey)}:${JSON.stringify(metadata)}`] : [];
  let begin = 0;
  for (const [name, { dtype, shape, data }] of entries) {
    if (name === metadataKey) refuse('safetensors', 'a name other than the one of the metadata', name);
    if (data.length !== sizeOf(shape))
      refuse(`safetensors: ${name}`, `${sizeOf(shape)} elements for ${formatShape(shape)}`, `${data.length}`);
    const end = begin + data.byteLength;
    fields.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype: names[dtype], shape, data_offsets: [begin, end] })}`);
    begin = end;
  }
  const text = new TextEncoder().encode(`{${fields.join(',')}}`);
  const header = new Uint8Array(Math.ceil(text.length / 8) * 8).fill(0x20);
  header.set(text);
  const length = new Uint8Array(new BigUint64Array([BigInt(header.length)]).buffer);
  return concatBytes([length, header, ...entries.map(([, { data }]) => bytesOf(data))]);
}
