import { describe, expect, it } from 'vitest';
import { FormatError } from '../../core/errors.ts';
import { concatBytes } from '../bytes.ts';
import { crc32 } from './crc32.ts';
import { openZip } from './zip.ts';

/** Little-endian fields: `[width in bytes, value]`. */
const fields = (...list: [number, number][]): Uint8Array =>
  Uint8Array.from(list.flatMap(([width, value]) => Array.from({ length: width }, (_, i) => Math.floor(value / 256 ** i) % 256)));
const text = (s: string) => new TextEncoder().encode(s);

interface Part {
  name: string;
  data?: string;
  method?: number;
  flags?: number;
  crc?: number;
  /** What the directory claims instead of the truth. */
  claims?: { bytes?: number; stored?: number; start?: number };
  zip64?: boolean;
}

/** A zip file of stored entries; the last argument changes its end. */
function zip(parts: Part[], { count = parts.length, zip64 = false, comment = '', size = 0 } = {}): Uint8Array {
  const local: Uint8Array[] = [];
  const central: Uint8Array[] = [];
  let at = 0;
  for (const { name, data = '', method = 0, flags = 0, crc = crc32(text(data)), claims, zip64: wide } of parts) {
    const header = concatBytes([fields([4, 0x04034b50], [22, 0], [2, name.length], [2, 5]), text(name), new Uint8Array(5), text(data)]);
    const { bytes = data.length, stored = data.length, start = at } = claims ?? {};
    const extra = wide ? fields([2, 9], [2, 1], [1, 0], [2, 1], [2, 24], [8, bytes], [8, stored], [8, start]) : new Uint8Array(0);
    const numbers: [number, number][] = wide
      ? [
          [4, 2 ** 32 - 1],
          [4, 2 ** 32 - 1],
        ]
      : [
          [4, stored],
          [4, bytes],
        ];
    central.push(
      fields(
        [4, 0x02014b50],
        [4, 0],
        [2, flags],
        [2, method],
        [4, 0],
        [4, crc],
        ...numbers,
        [2, name.length],
        [2, extra.length],
        [2, 0],
        [8, 0],
      ),
      fields([4, wide ? 2 ** 32 - 1 : start]),
      text(name),
      extra,
    );
    local.push(header);
    at += header.length;
  }
  const directory = concatBytes(central);
  const length = size || directory.length;
  const wideEnd = concatBytes([
    fields([4, 0x06064b50], [8, 44], [12, 0], [8, 0], [8, count], [8, length], [8, at]),
    fields([4, 0x07064b50], [4, 0], [8, at + directory.length], [4, 1]),
  ]);
  const short: [number, number][] = zip64
    ? [
        [2, 65535],
        [4, 2 ** 32 - 1],
        [4, 2 ** 32 - 1],
      ]
    : [
        [2, count],
        [4, length],
        [4, at],
      ];
  const end = concatBytes([fields([4, 0x06054b50], [6, 0], ...short, [2, comment.length]), text(comment)]);
  return concatBytes([...local, directory, ...(zip64 ? [wideEnd] : []), end]);
}
const two = [
  { name: 'a/data.pkl', data: 'first' },
  { name: 'a/data/0', data: 'the second' },
];
const contents = (bytes: Uint8Array) => {
  const opened = openZip(bytes, 'w');
  return Object.fromEntries(opened.names.map((name) => [name, new TextDecoder().decode(opened.read(name))]));
};

describe('openZip', () => {
  it.each<[string, Uint8Array]>([
    ['a plain file', zip(two)],
    ['a comment at the end, even one like an end', zip(two, { comment: `PK\x05\x06${'x'.repeat(300)}` })],
    ['a ZIP64 directory', zip(two, { zip64: true })],
    ['ZIP64 sizes', zip(two.map((part) => ({ ...part, zip64: true })))],
    ['entries without a checksum', zip(two.map((part) => ({ ...part, crc: 0 })))],
  ])('reads %s', (_, bytes) => {
    expect(contents(bytes)).toEqual({ 'a/data.pkl': 'first', 'a/data/0': 'the second' });
    expect(openZip(bytes, 'w').read('b')).toBeUndefined();
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['an empty file', new Uint8Array(0), /directory at the end/],
    [
      'a compressed entry (a zip bomb)',
      zip([{ name: 'a', data: 'x', method: 8, claims: { bytes: 2 ** 31 } }]),
      /\[w: a\] .*entry stored as it is.*got one compressed by method 8.*zip -0/,
    ],
    ['an encrypted entry', zip([{ name: 'a', data: 'x', flags: 1 }]), /got an encrypted one/],
    [
      'a size that is not the stored one',
      zip([{ name: 'a', data: 'x', claims: { bytes: 2 ** 31 } }]),
      /1 bytes, as many as are stored, got 2147483648/,
    ],
    ['a size beyond the directory', zip([{ name: 'a', data: 'x', claims: { bytes: 500, stored: 500 } }]), /an end before byte/],
    [
      'a size of petabytes',
      zip([{ name: 'a', data: 'x', zip64: true, claims: { bytes: 2 ** 60, stored: 2 ** 60 } }]),
      /an end before byte/,
    ],
    [
      'overlapping entries',
      zip([two[0], { ...two[1], claims: { start: 0 } }]),
      /\[w: a\/data\/0\] expected bytes of its own, got an overlap with a\/data\.pkl/,
    ],
    ['an entry inside another', zip([{ ...two[0], claims: { bytes: 30, stored: 30 } }, two[1]]), /got an overlap/],
    ['a start outside', zip([{ name: 'a', claims: { start: 2 ** 31 } }]), /end of the file/],
    ['two entries of one name', zip([two[0], { ...two[0], data: 'other' }]), /'a\/data\.pkl' twice/],
    ['fewer entries than promised', zip(two, { count: 3 }), /3 entries in the zip directory, got 2/],
    ['a directory beyond the end', zip(two, { size: 4000 }), /a directory that ends before byte/],
    ['a directory cut in an entry', zip(two, { size: 60 }), /entries in the zip directory, got|an entry of the zip directory/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => contents(bytes)).toThrow(message);
    expect(() => contents(bytes)).toThrow(FormatError);
  });

  it('refuses altered bytes when they are read', () => {
    expect(() => contents(zip([{ name: 'a', data: 'x', crc: 5 }]))).toThrow(/\[w: a\] expected the CRC-32 5, got .*damaged/);
  });

  it('refuses every cut and every flip of the directory that it cannot read', () => {
    for (const bytes of [
      zip(two),
      zip(
        two.map((part) => ({ ...part, zip64: true })),
        { zip64: true },
      ),
    ]) {
      for (let cut = 0; cut < bytes.length; cut++) expect(() => openZip(bytes.subarray(0, cut), 'w'), `cut at ${cut}`).toThrow(FormatError);
      for (let i = 0; i < bytes.length; i++)
        for (const mask of [1, 0x80, 0xff]) {
          const damaged = bytes.slice();
          damaged[i] ^= mask;
          try {
            contents(damaged);
          } catch (error) {
            if (!(error instanceof FormatError)) expect.fail(`byte ${i}: ${error}`);
          }
        }
    }
  });
});
