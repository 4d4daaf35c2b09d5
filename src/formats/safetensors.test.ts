import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../core/errors.ts';
import { f32, i32, type NdArray, type StateDict } from '../core/ndarray.ts';
import { readSafetensors, writeSafetensors } from './safetensors.ts';

const sample: StateDict = new Map<string, NdArray>([
  ['flags', { dtype: 'u8', shape: [3], data: Uint8Array.of(1, 0, 255) }],
  ['conv1.weight', f32([1, -2.5, 3, Number.NaN, Infinity, 6], [2, 3])],
  ['10', i32([-7])],
  ['steps', { dtype: 'i64', shape: [], data: BigInt64Array.of(-(2n ** 60n)) }],
  ['empty', f32([], [0, 4])],
  ['0', { dtype: 'f64', shape: [1], data: Float64Array.of(Math.PI) }],
]);

/** A file with this header over so many bytes of data. */
function file(header: unknown, dataBytes: number): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}
const tensor = (begin: number, end: number, shape = [(end - begin) / 4], dtype = 'F32') => ({ dtype, shape, data_offsets: [begin, end] });

describe('safetensors', () => {
  it('returns what it wrote, aligned, wider dtypes first, and the same bytes again', () => {
    const bytes = writeSafetensors(sample, { epoch: '3', note: 'ü "quoted"' });
    const { tensors, metadata } = readSafetensors(bytes);
    expect(metadata).toEqual({ epoch: '3', note: 'ü "quoted"' });
    expect([...tensors.keys()]).toEqual(['steps', '0', 'conv1.weight', '10', 'empty', 'flags']);
    for (const [name, array] of sample) expect(tensors.get(name), name).toEqual(array);
    expect(writeSafetensors(tensors, metadata)).toEqual(bytes);
    expect(readSafetensors(Buffer.from(bytes)).tensors.get('steps')!.data.buffer.byteLength).toBe(8);
  });

  it('reads from the middle of a larger buffer', () => {
    const bytes = writeSafetensors(sample);
    const padded = new Uint8Array(bytes.length + 6);
    padded.set(bytes, 3);
    expect(readSafetensors(padded.subarray(3, 3 + bytes.length)).tensors.get('conv1.weight')).toEqual(sample.get('conv1.weight'));
  });

  it('reads half and bfloat16 as f32', () => {
    const header = { h: tensor(0, 12, [6], 'F16'), b: tensor(12, 18, [3], 'BF16') };
    const bytes = file(header, 18);
    new Uint8Array(bytes.buffer, bytes.length - 18).set(
      new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0xfc00, 0x7e00, 0x3f80, 0xc049, 0xff80).buffer),
    );
    const { tensors } = readSafetensors(bytes);
    expect(tensors.get('h')).toEqual(f32([1, -2, 2 ** -24, 65504, -Infinity, Number.NaN]));
    expect(tensors.get('b')).toEqual(f32([1, -3.140625, -Infinity]));
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['an empty file', new Uint8Array(0), /\[w\] expected a safetensors file of at least 8 bytes, got 0 bytes/],
    ['an endless header', new Uint8Array(16).fill(255), /header of at most 100000000 bytes, got a length of 18446744073709551615/],
    ['a header longer than the file', file('{}', 0).subarray(0, 9), /header of 2 bytes, got 1 bytes.*cut short/],
    ['a header that is no JSON', file('{"a":', 0), /header in JSON/],
    ['a header that is no UTF-8', file('{"a": "\u00fc"}', 0).map((b) => (b === 0xc3 ? 0xff : b)), /header in JSON/],
    ['an array as header', file([], 0), /JSON object as header, got an array/],
    ['metadata that are numbers', file({ __metadata__: { epoch: 3 } }, 0), /\[w: __metadata__\.epoch\] expected text, got 3/],
    ['an unknown dtype', file({ a: tensor(0, 4, [1], 'F8_E4M3') }, 4), /\[w: a\] expected a dtype of .*F32.*got "F8_E4M3"/],
    ['a dtype from the prototype', file({ a: tensor(0, 4, [1], 'toString') }, 4), /got "toString"/],
    ['a negative extent', file({ a: tensor(0, 4, [-1]) }, 4), /\[w: a\] expected a shape of non-negative integers/],
    ['a shape that does not fill its bytes', file({ a: tensor(0, 8, [3]) }, 8), /\[w: a\] expected 12 bytes for F32 \[3\], got 8/],
    ['a shape beyond every number', file({ a: tensor(0, 4, [2 ** 53 - 1, 2 ** 53 - 1]) }, 4), /\[w: a\] expected .* bytes/],
    ['offsets the wrong way', file({ a: tensor(4, 0, [1]) }, 4), /data_offsets/],
    ['an overlap', file({ a: tensor(0, 8), b: tensor(4, 12) }, 12), /\[w: b\] expected bytes from 8, where a ends, got an overlap/],
    ['two tensors on the same bytes', file({ a: tensor(0, 4), b: tensor(0, 4) }, 4), /got an overlap/],
    ['a hole', file({ a: tensor(0, 4), b: tensor(8, 12) }, 12), /\[w: b\] .*got a hole \(from 8\)/],
    ['data cut short', file({ a: tensor(0, 8) }, 7), /\[w: a\] expected 8 bytes of data, got 7.*cut short/],
    ['bytes behind the end', file({ a: tensor(0, 4) }, 6), /\[w\] expected 4 bytes of data, got 2 more/],
    [
      'a name twice',
      file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}', 4),
      /1 names for 2 entries/,
    ],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => readSafetensors(bytes, 'w')).toThrow(message);
    expect(() => readSafetensors(bytes, 'w')).toThrow(FormatError);
  });

  it('does not take text in the metadata for names', () => {
    const metadata = { '{': '"a": {"b": {', note: '\\"c\\": {' };
    expect(readSafetensors(writeSafetensors(sample, metadata)).metadata).toEqual(metadata);
  });

  it('refuses every cut of a file, and every flipped byte of the header that it cannot read as what was written', () => {
    const bytes = writeSafetensors(sample, { epoch: '3' });
    for (let cut = 0; cut < bytes.length; cut += 7)
      expect(() => readSafetensors(bytes.subarray(0, cut)), `cut at ${cut}`).toThrow(FormatError);
    const headerEnd = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
    let refused = 0;
    for (let i = 0; i < headerEnd; i++) {
      const damaged = bytes.slice();
      damaged[i] ^= 0x15;
      try {
        readSafetensors(damaged);
      } catch (error) {
        expect(error, `byte ${i}`).toBeInstanceOf(FormatError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(headerEnd / 2);
  });

  it('refuses to write data that do not fill their shape', () => {
    expect(() => writeSafetensors(new Map([['a', { dtype: 'f32', shape: [3], data: new Float32Array(2) }]]))).toThrow(
      /expected 3 elements/,
    );
  });
});

const real = new URL('../../../shared/data/weights/squeezenet1_0.safetensors', import.meta.url);
describe.skipIf(!existsSync(real))('a real safetensors file (skipped where shared/data is absent)', () => {
  it('has the tensors of SqueezeNet and survives a round trip', () => {
    const { tensors, metadata } = readSafetensors(readFileSync(real), 'squeezenet1_0');
    expect(tensors.size).toBe(52);
    expect(tensors.get('features.0.weight')!.shape).toEqual([96, 3, 7, 7]);
    expect(tensors.get('classifier.1.weight')!.data.every(Number.isFinite)).toBe(true);
    const again = readSafetensors(writeSafetensors(tensors, metadata));
    expect(again.metadata).toEqual(metadata);
    for (const [name, { shape, data }] of tensors) {
      expect(again.tensors.get(name)!.shape).toEqual(shape);
      expect(Buffer.compare(Buffer.from(again.tensors.get(name)!.data.buffer), Buffer.from(data.buffer)), name).toBe(0);
    }
  });
});
