import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../core/errors.ts';
import type { NdArray } from '../../core/ndarray.ts';
import { readSafetensors } from '../safetensors.ts';
import { crc32 } from './crc32.ts';
import { readPth } from './pth.ts';

const folder = new URL('./testdata/', import.meta.url);
const testdata = (name: string) => new Uint8Array(readFileSync(new URL(name, folder)));
const read = (name: string) => readPth(testdata(name), name);
type Expected = Record<string, [string, { dtype: string; shape: number[]; values: (number | string | boolean)[] }][]>;
const expected: Expected = JSON.parse(readFileSync(new URL('expected.golden.json', folder), 'utf8'));
const plain = ({ dtype, shape, data }: NdArray) => ({
  dtype,
  shape,
  values: Array.from(data as ArrayLike<unknown>, (v) => (dtype === 'i64' ? String(v) : v)),
});

describe('readPth', () => {
  it.each(Object.keys(expected))('reads %s as PyTorch wrote it', (name) => {
    const { tensors } = read(name);
    expect([...tensors.keys()]).toEqual(expected[name].map(([key]) => key));
    for (const [key, { values, ...rest }] of expected[name])
      expect(plain(tensors.get(key)!), key).toEqual({ ...rest, values: values.map((v) => (v === 'Infinity' ? Infinity : v)) });
  });

  it('gives each tensor numbers of its own', () => {
    const { tensors } = read('strided.pth');
    const buffers = new Set([...tensors.values()].map(({ data }) => data.buffer));
    expect(buffers.size).toBe(tensors.size);
    for (const { data } of tensors.values()) expect(data.byteLength).toBe(data.buffer.byteLength);
  });

  it('keeps the plain values of a checkpoint', () => {
    const { metadata } = read('checkpoint.pth');
    expect(metadata).toMatchObject({
      ...{ epoch: 7, arch: 'tiny', best_acc1: 91.5, acc: 0.5, history: [1, [2, 3], { a: null }], args: { lr: 0.1, resume: '' } },
      ...{ milestones: { 3: 1 }, seed: '9223372036854775809', missing: { k: { v: true } }, device: 'cpu', size: [2, 3], names: ['one'] },
    });
    expect(metadata).not.toHaveProperty('state_dict');
    expect(metadata).not.toHaveProperty('mean');
    expect(read('checkpoint-old.pth').metadata).toEqual({ epoch: 3 });
  });

  it.each<[string, RegExp]>([
    ['malicious.pth', /\[malicious\.pth: data\.pkl, byte \d+\] .*posix\.system, which is refused\. Nothing in the file was executed/],
    ['malicious-old.pth', /\[malicious-old\.pth, byte \d+\] .*posix\.system, which is refused/],
    ['whole-model.pth', /torch\.nn\.modules\.container\.Sequential, which is refused.*state_dict/],
    ['list.pth', /state dict.*got a list of 3/],
    ['little-endian.pth', /state dict.*got a list of 3/],
    ['big-endian.pth', /little-endian numbers, got big-endian/],
    ['script.pth', /TorchScript program.*state_dict/],
    ['deflated.pth', /entry stored as it is, as torch\.save writes it, got one compressed/],
    ['two.pth', /one state dict, got several: generator, discriminator/],
  ])('refuses %s', (name, message) => {
    expect(() => read(name)).toThrow(message);
    expect(() => read(name)).toThrow(FormatError);
    expect(existsSync('executed-by-pickle')).toBe(false);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['an empty file', new Uint8Array(0), /got an empty one/],
    ['a picture', Uint8Array.of(0x89, 0x50, 0x4e, 0x47), /begins with 0x89 0x50 0x4e 0x47/],
    ['another pickle', Uint8Array.of(0x80, 2, 0x7d, 0x2e), /magic number of torch\.save, got a pickle of a dict/],
    ['the tar form', new Uint8Array(512).map((_, i) => (i >= 257 && i < 262 ? 'ustar'.charCodeAt(i - 257) : 0)), /tar file/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => readPth(bytes, 'w')).toThrow(message);
    expect(() => readPth(bytes, 'w')).toThrow(FormatError);
  });

  const files = readdirSync(folder).filter((name) => name.endsWith('.pth'));
  it.each(files)('refuses every cut of %s', (name) => {
    const bytes = testdata(name);
    for (let cut = 0; cut < bytes.length; cut += 101)
      expect(() => readPth(bytes.subarray(0, cut), name), `cut at ${cut}`).toThrow(FormatError);
    expect(() => readPth(bytes.subarray(0, -1), name)).toThrow(FormatError);
  });

  it.each(files)('refuses or reads %s with a byte flipped', (name) => {
    const bytes = testdata(name);
    const step = bytes.length > 4000 ? 5 : 1;
    for (let i = 0; i < bytes.length; i += step) {
      const damaged = bytes.slice();
      damaged[i] ^= i % 2 ? 0x15 : 0x81;
      try {
        readPth(damaged, name);
      } catch (error) {
        if (!(error instanceof FormatError)) expect.fail(`byte ${i}: ${error}`);
      }
    }
  });

  it('notices every flipped byte of a storage in a zip file', () => {
    const bytes = testdata('zip.pth');
    const text = new TextDecoder('latin1').decode(bytes);
    const start = text.indexOf('zip/data/0') + 'zip/data/0'.length;
    const padding = bytes[text.indexOf('zip/data/0') - 2] + 256 * bytes[text.indexOf('zip/data/0') - 1];
    for (let i = 0; i < 2 * 9 * 4; i++) {
      const damaged = bytes.slice();
      damaged[start + padding + i] ^= 1;
      expect(() => readPth(damaged), `byte ${i}`).toThrow(/zip\/data\/0\] expected the CRC-32/);
    }
  });
});

/** A file in the old form whose object is given as a pickle; storages are `[key, floats]`. */
function oldForm(object: string, storages: [string, number[]][], { littleEndian = true } = {}): Uint8Array {
  const magic = [0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];
  const text = (s: string) => [...new TextEncoder().encode(s)];
  const system = text(`}Vlittle_endian\nI0${littleEndian ? 1 : 0}\ns.`);
  const keys = text(`(${storages.map(([key]) => `V${key}\n`).join('')}l.`);
  const data = storages.flatMap(([, values]) => [
    ...new Uint8Array(BigInt64Array.of(BigInt(values.length)).buffer),
    ...new Uint8Array(Float32Array.from(values).buffer),
  ]);
  return Uint8Array.from([
    ...magic,
    ...text('M\xe9\x03.')
      .filter((b) => b !== 0xc3)
      .map((b) => (b === 0xa9 ? 0xe9 : b)),
    ...system,
    ...text(object),
    ...keys,
    ...data,
  ]);
}
const storage = (key: string, length: number, view = '', type = 'torch\nFloatStorage') =>
  `(Vstorage\nc${type}\nV${key}\nVcpu\nI${length}\n${view || 'N'}tQ`;
const tuple = (...items: number[]) => `(${items.map((i) => `I${i}\n`).join('')}t`;
const tensor = (source: string, offset: number, shape: number[], strides: number[]) =>
  `ctorch._utils\n_rebuild_tensor\n(${source}I${offset}\n${tuple(...shape)}${tuple(...strides)}tR`;
const call = (name: string, ...args: string[]) => `c${name}\n(${args.join('')}tR`;
const stateDict = (...items: string[]) => `}${items.map((item, i) => `Vw${i}\n${item}s`).join('')}.`;
const values = [1, 2, 3, 4, 5, 6];

describe('readPth on files made by hand', () => {
  it('reads the views of storages that PyTorch before 0.4 wrote', () => {
    const view = storage('a', 6, '(Vb\nI2\nI3\nt');
    const { tensors } = readPth(oldForm(stateDict(tensor(view, 1, [2], [1]), tensor(storage('a', 6), 0, [2, 2], [1, 3])), [['a', values]]));
    expect([...tensors].map(([, { data }]) => [...data])).toEqual([
      [4, 5],
      [1, 4, 2, 5],
    ]);
  });

  it('reads tensors of a dtype that has no storage class, parameters and dtypes', () => {
    const untyped = storage('a', 8, '', 'torch.storage\nUntypedStorage');
    const rebuilt = call('torch._utils\n_rebuild_tensor_v3', untyped, 'I1\n', tuple(3), tuple(1), 'I00\nN', 'ctorch\nuint16\n');
    const parameter = call('torch._utils\n_rebuild_parameter_with_state', tensor(storage('b', 1), 0, [], []), 'I01\nNN');
    const raw = [...new Float32Array(Uint16Array.of(7, 65535, 3, 4).buffer)];
    const bytes = oldForm(stateDict(rebuilt, parameter), [['b', [2.5]]]);
    // Untyped storages count bytes: 8 of them behind their length.
    const whole = Uint8Array.from([...bytes, 8, 0, 0, 0, 0, 0, 0, 0, ...new Uint8Array(Float32Array.from(raw).buffer)]);
    const keys = new TextDecoder('latin1').decode(whole).lastIndexOf('(Vb\nl.');
    const { tensors } = readPth(
      Uint8Array.from([...whole.subarray(0, keys + 4), ...new TextEncoder().encode('Va\n'), ...whole.subarray(keys + 4)]),
    );
    expect(tensors.get('w0')).toEqual({ dtype: 'i32', shape: [3], data: Int32Array.of(65535, 3, 4) });
    expect(tensors.get('w1')).toEqual({ dtype: 'f32', shape: [], data: Float32Array.of(2.5) });
  });

  it.each<[string, Uint8Array, RegExp]>([
    [
      'a tensor stored negated',
      oldForm(stateDict(call('torch._utils\n_rebuild_tensor_v2', storage('a', 6), 'I0\n', tuple(6), tuple(1), 'I00\nN}Vneg\nI01\ns')), [
        ['a', values],
      ]),
      /stored negated or conjugated/,
    ],
    [
      'an untyped tensor',
      oldForm(stateDict(tensor(storage('a', 24, '', 'torch\nUntypedStorage'), 0, [1], [1])), [['a', values]]),
      /storage with a dtype/,
    ],
    ['a complex dtype', oldForm(stateDict('ctorch\ncomplex64\n'), []), /torch\.complex64, which is refused/],
    ['big-endian numbers', oldForm(stateDict(), [], { littleEndian: false }), /little-endian numbers, got big-endian/],
    [
      'a tensor beyond its storage',
      oldForm(stateDict(tensor(storage('a', 6), 1, [2, 3], [3, 1])), [['a', values]]),
      /at least 7 elements .*\[2,3\], got 6 in storage a/,
    ],
    ['a negative stride', oldForm(stateDict(tensor(storage('a', 6), 5, [2], [-1])), [['a', values]]), /non-negative strides/],
    ['a negative extent', oldForm(stateDict(tensor(storage('a', 6), 0, [-2], [1])), [['a', values]]), /shape of non-negative/],
    ['strides of another rank', oldForm(stateDict(tensor(storage('a', 6), 0, [2], [1, 1])), [['a', values]]), /1 non-negative strides/],
    [
      'an extent beyond every number',
      oldForm(stateDict(tensor(storage('a', 6), 0, [2 ** 52, 2 ** 52], [1, 1])), [['a', values]]),
      /a storage of at least/,
    ],
    [
      'a view beyond its storage',
      oldForm(stateDict(tensor(storage('a', 6, '(Vb\nI4\nI3\nt'), 0, [1], [1])), [['a', values]]),
      /view inside storage a/,
    ],
    ['a storage without numbers', oldForm(stateDict(tensor(storage('a', 6), 0, [1], [1])), []), /numbers of storage a/],
    [
      'a storage of another length',
      oldForm(stateDict(tensor(storage('a', 5), 0, [1], [1])), [['a', values]]),
      /5 elements in storage a, got 6/,
    ],
    ['a storage nobody uses', oldForm(stateDict(), [['a', values]]), /a storage that a tensor uses/],
    [
      'a storage of an endless length',
      oldForm(stateDict(tensor(storage('a', 2 ** 50), 0, [1], [1])), [['a', values]]),
      /storage a, got 32.*cut short/,
    ],
    [
      'a class that is no storage',
      oldForm(stateDict(tensor(storage('a', 6, '', 'torch\nSize'), 0, [1], [1])), [['a', values]]),
      /class of storages/,
    ],
    [
      'a tensor of petabytes over one number',
      oldForm(stateDict(tensor(storage('a', 6), 0, [2 ** 25, 2 ** 25], [0, 0])), [['a', values]]),
      /in proportion to the file/,
    ],
    [
      'thousands of tensors over one storage',
      oldForm(stateDict(...Array.from({ length: 2000 }, () => tensor(storage('a', 10_000), 0, [10_000], [1]))), [
        ['a', new Array<number>(10_000).fill(1)],
      ]),
      /in proportion to the file/,
    ],
    [
      'tensors without names',
      oldForm(`}I1\n${tensor(storage('a', 6), 0, [1], [1])}s.`, [['a', values]]),
      /tensors that have names, got one under 1/,
    ],
    [
      'bytes behind the end',
      Uint8Array.from([...oldForm(stateDict(tensor(storage('a', 6), 0, [1], [1])), [['a', values]]), 0]),
      /1 more bytes/,
    ],
    [
      'a rebuild that rebuilds itself',
      oldForm('}ctorch._tensor\n_rebuild_from_type_v2\nq\x00]q\x01(h\x00Nh\x01Nt0h\x00(h\x00Nh\x01Nt' + 'R.', []),
      /a function that rebuilds a tensor/,
    ],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => readPth(bytes, 'w')).toThrow(message);
    expect(() => readPth(bytes, 'w')).toThrow(FormatError);
  });

  it('ends on notes that contain themselves or laugh a billion times', () => {
    const round = (i: number) => `(${`h${String.fromCharCode(i)}`.repeat(10)}lq${String.fromCharCode(i + 1)}0`;
    const laughs = `]q\x000${Array.from({ length: 30 }, (_, i) => round(i)).join('')}h\x1e`;
    const object = `}Vw\n${tensor(storage('a', 6), 0, [6], [1])}sVself\n]q\x7fh\x7fasVlaughs\n${laughs}sVepoch\nI3\ns.`;
    const { tensors, metadata } = readPth(oldForm(object, [['a', values]]));
    expect([...tensors.get('w')!.data]).toEqual(values);
    expect(metadata).toEqual({ epoch: 3 });
  });
});

describe('crc32', () => {
  it('has the check value of the polynomial, for every length', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
    expect(crc32(new Uint8Array(0))).toBe(0);
    expect(crc32(new Uint8Array(5).fill(255))).toBe(0xd2fd1072);
  });
});

const weights = (extension: string) => new URL(`../../../../shared/data/weights/squeezenet1_0.${extension}`, import.meta.url);
describe.skipIf(!existsSync(weights('pth')))('real weights (skipped where shared/data is absent)', () => {
  it('are the same in both formats, tensor for tensor', () => {
    const { tensors } = readPth(readFileSync(weights('pth')), 'squeezenet1_0.pth');
    const other = readSafetensors(readFileSync(weights('safetensors'))).tensors;
    expect(tensors.size).toBe(52);
    expect([...tensors.keys()].sort()).toEqual([...other.keys()].sort());
    for (const [name, { dtype, shape, data }] of tensors) {
      expect({ dtype, shape }, name).toEqual({ dtype: other.get(name)!.dtype, shape: other.get(name)!.shape });
      expect(Buffer.compare(Buffer.from(data.buffer), Buffer.from(other.get(name)!.data.buffer)), name).toBe(0);
    }
  });
});
