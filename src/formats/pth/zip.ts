import { refuse } from '../bytes.ts';
import { formatName } from '../pickle-types.ts';
import { crc32 } from './crc32.ts';

/** The entries of a zip file, by name, as views of it. */
export interface Zip {
  readonly names: readonly string[];
  /** An entry's bytes, checked against its CRC-32; `undefined` if there is none of that name. */
  read(name: string): Uint8Array | undefined;
}

interface Entry {
  name: string;
  /** How its bytes are stored, if not as they are. */
  packing?: string;
  crc: number;
  /** Where its local header begins, and where its data begin and end. */
  start: number;
  dataStart: number;
  end: number;
}

const cut = 'The file is cut short or damaged';
const signatures = { local: 0x04034b50, central: 0x02014b50, end: 0x06054b50, end64: 0x06064b50, locator64: 0x07064b50 };
const endBytes = 22;
const maxCommentBytes = 65_535;
const in64Bit = 0xffffffff;

/** Reads fields at offsets that may lie outside the file. */
class Fields {
  readonly #view: DataView;
  readonly file: string;
  constructor(bytes: Uint8Array, file: string) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.file = file;
  }
  need(at: number, count: number, what: string): void {
    if (at < 0 || at + count > this.#view.byteLength)
      refuse(`${this.file}, byte ${at}`, what, `the end of the file at ${this.#view.byteLength}`, cut);
  }
  u16(at: number): number {
    this.need(at, 2, 'a zip record');
    return this.#view.getUint16(at, true);
  }
  u32(at: number): number {
    this.need(at, 4, 'a zip record');
    return this.#view.getUint32(at, true);
  }
  /** Lengths beyond 2⁵³ are rounded; they are beyond any file too. */
  u64(at: number): number {
    this.need(at, 8, 'a zip record');
    return Number(this.#view.getBigUint64(at, true));
  }
  signature(at: number, kind: keyof typeof signatures, what: string): void {
    if (this.u32(at) !== signatures[kind]) refuse(`${this.file}, byte ${at}`, what, `0x${this.u32(at).toString(16)}`, cut);
  }
}

/** The directory's place and number of entries. */
function findDirectory(fields: Fields, length: number): { start: number; end: number; count: number } {
  let at = length - endBytes;
  const last = Math.max(0, at - maxCommentBytes);
  while (at >= last && !(fields.u32(at) === signatures.end && at + endBytes + fields.u16(at + 20) === length)) at--;
  if (at < last) refuse(fields.file, 'the directory at the end of a zip file', 'none', cut);
  let [count, size, start, end] = [fields.u16(at + 10), fields.u32(at + 12), fields.u32(at + 16), at];
  if (count === 0xffff || size === in64Bit || start === in64Bit) {
    fields.signature(at - 20, 'locator64', 'the place of the ZIP64 directory');
    end = fields.u64(at - 12);
    fields.signature(end, 'end64', 'the end of the ZIP64 directory');
    [count, size, start] = [fields.u64(end + 32), fields.u64(end + 40), fields.u64(end + 48)];
  }
  if (start + size > end) refuse(fields.file, `a directory that ends before byte ${end}`, `${size} bytes from ${start}`, cut);
  return { start, end: start + size, count };
}

/** ZIP64 sizes stand in an extra field, only those that the 32-bit fields leave out, in this order. */
function widen(fields: Fields, at: number, length: number, values: readonly number[]): number[] {
  for (let field = at; field + 4 <= at + length; field += 4 + fields.u16(field + 2)) {
    if (fields.u16(field) !== 1) continue;
    let next = field + 4;
    return values.map((value) => {
      if (value !== in64Bit) return value;
      next += 8;
      return fields.u64(next - 8);
    });
  }
  return [...values];
}

function readEntry(fields: Fields, bytes: Uint8Array, at: number): { entry: Entry; next: number } {
  fields.signature(at, 'central', 'an entry of the zip directory');
  const [flags, method, crc] = [fields.u16(at + 8), fields.u16(at + 10), fields.u32(at + 16)];
  const [nameLength, extraLength, commentLength] = [fields.u16(at + 28), fields.u16(at + 30), fields.u16(at + 32)];
  const next = at + 46 + nameLength + extraLength + commentLength;
  fields.need(at, next - at, 'an entry of the zip directory');
  const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
  const where = `${fields.file}: ${formatName(name)}`;
  const sizes = [fields.u32(at + 24), fields.u32(at + 20), fields.u32(at + 42)];
  const [size, stored, start] = widen(fields, at + 46 + nameLength, extraLength, sizes);
  const packing = flags & 1 ? 'an encrypted one' : method ? `one compressed by method ${method}` : undefined;
  if (!packing && size !== stored) refuse(where, `${stored} bytes, as many as are stored`, `${size}`, 'The directory lies about its size.');
  fields.signature(start, 'local', `the header of ${formatName(name)}`);
  const dataStart = start + 30 + fields.u16(start + 26) + fields.u16(start + 28);
  return { entry: { name, packing, crc, start, dataStart, end: dataStart + stored }, next };
}

/**
 * Opens a zip file whose entries are stored, not compressed: what `torch.save` writes.
 *
 * Own code rather than a library: views of the file cost no copy of the weights, and a reader that inflates nothing and lets no two
 * entries share bytes can never give more bytes than the file has, whatever the directory claims.
 *
 * - `bytes`: the whole file. ZIP64 and data descriptors are understood; an encrypted or compressed entry is refused when it is read.
 *
 * **Throws** `FormatError` naming the file and the entry: cut short, overlapping entries, two of one name, a wrong CRC-32 (0 stands for none).
 * **Source**: PKWARE APPNOTE 6.3.
 */
export function openZip(bytes: Uint8Array, file: string): Zip {
  const fields = new Fields(bytes, file);
  const directory = findDirectory(fields, bytes.length);
  const entries = new Map<string, Entry>();
  let at = directory.start;
  while (at < directory.end) {
    const { entry, next } = readEntry(fields, bytes, at);
    if (entries.has(entry.name)) refuse(file, 'entries of different names', `'${formatName(entry.name)}' twice`);
    entries.set(entry.name, entry);
    at = next;
  }
  if (at !== directory.end || entries.size !== directory.count)
    refuse(file, `${directory.count} entries in the zip directory`, `${entries.size}`, cut);
  let previous: { name: string; end: number } = { name: '', end: 0 };
  for (const entry of [...entries.values()].sort((a, b) => a.start - b.start)) {
    if (entry.start < previous.end)
      refuse(`${file}: ${formatName(entry.name)}`, `bytes of its own`, `an overlap with ${formatName(previous.name)}`);
    previous = entry;
  }
  if (previous.end > directory.start)
    refuse(`${file}: ${formatName(previous.name)}`, `an end before byte ${directory.start}`, `${previous.end}`, cut);
  return {
    names: [...entries.keys()],
    read(name) {
      const entry = entries.get(name);
      if (!entry) return undefined;
      const where = `${file}: ${formatName(name)}`;
      if (entry.packing)
        refuse(
          where,
          'an entry stored as it is, as torch.save writes it',
          entry.packing,
          'Save it again with torch.save, or pack it with: zip -0',
        );
      const data = bytes.subarray(entry.dataStart, entry.end);
      const sum = entry.crc === 0 ? 0 : crc32(data);
      if (sum !== entry.crc)
        refuse(where, `the CRC-32 ${entry.crc.toString(16)}`, sum.toString(16), 'The file is damaged: use another copy.');
      return data;
    },
  };
}
