/** Part of a picture in pixels. */
export interface Region {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A part of which only the spans count. */
export interface NeededRegion extends Region {
  /** For every row of the region where its first needed pixel is and where its last one ends, in pixels from the picture's left edge. */
  readonly spans?: Int32Array;
}

/** One colour plane as the file stores it. */
export interface JpegComponent {
  readonly id: number;
  /** Blocks per MCU along both axes. */
  h: number;
  v: number;
  readonly quantTable: number;
  dcTable: number;
  acTable: number;
}

/** Code lengths (how many codes have 1 … 16 bits) and symbols of one Huffman table. */
export interface HuffmanSpec {
  readonly counts: Uint8Array;
  readonly symbols: Uint8Array;
}

/** What the markers before the first scan say. */
export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  /** EXIF orientation 1 … 8. */
  readonly orientation: number;
  readonly components: readonly JpegComponent[];
  /** In zigzag order. */
  readonly quantTables: readonly (Uint16Array | undefined)[];
  readonly dcTables: readonly (HuffmanSpec | undefined)[];
  readonly acTables: readonly (HuffmanSpec | undefined)[];
  /** MCUs between restart markers; 0 for none. */
  readonly restartInterval: number;
  /** Where the entropy-coded bytes begin. */
  readonly scanStart: number;
}

const marker = { soi: 0xd8, eoi: 0xd9, sos: 0xda, dqt: 0xdb, dht: 0xc4, dri: 0xdd, exif: 0xe1, adobe: 0xee, jfif: 0xe0 } as const;
/** Baseline and extended sequential frames with Huffman codes. */
const sequentialFrames = [0xc0, 0xc1];

/** The orientation in the EXIF block, 1 where there is none. */
function readOrientation(bytes: Uint8Array, start: number, end: number): number {
  const tiff = start + 6;
  if (end - start < 14 || String.fromCharCode(...bytes.subarray(start, start + 4)) !== 'Exif') return 1;
  const little = bytes[tiff] === 0x49;
  const view = new DataView(bytes.buffer, bytes.byteOffset + tiff, end - tiff);
  const ifd = view.getUint32(4, little);
  if (ifd + 2 > view.byteLength) return 1;
  const entries = view.getUint16(ifd, little);
  for (let i = 0, at = ifd + 2; i < entries && at + 12 <= view.byteLength; i++, at += 12)
    if (view.getUint16(at, little) === 0x0112) {
      const value = view.getUint16(at + 8, little);
      return value >= 1 && value <= 8 ? value : 1;
    }
  return 1;
}

/** True unless the three planes are stored as red, green, blue: the rule of libjpeg. */
function isYcc(ids: readonly number[], hasJfif: boolean, adobeTransform: number | undefined): boolean {
  if (hasJfif) return true;
  if (adobeTransform !== undefined) return adobeTransform === 1;
  return !(ids[0] === 0x52 && ids[1] === 0x47 && ids[2] === 0x42);
}

/** Whether the planes have a layout that `decodeJpegRegion` knows: grey, or chroma at full or half size along each axis. */
function knowsLayout(components: readonly JpegComponent[], width: number): boolean {
  if (components.length === 1) return true;
  const [luma, ...chroma] = components;
  if (components.length !== 3 || luma.h > 2 || luma.v > 2 || chroma.some(({ h, v }) => h !== 1 || v !== 1)) return false;
  // libjpeg replicates instead of interpolating where a chroma row has less than three samples.
  return luma.h === 1 || width > 4;
}

/**
 * Reads the markers of a JPEG up to its first scan.
 *
 * Returns undefined for what `decodeJpegRegion` leaves to libjpeg: progressive, arithmetic, lossless and 12-bit files, CMYK and RGB planes, planes in
 * scans of their own, unusual sampling; and for anything that is cut short or broken, so that libjpeg words the complaint.
 *
 * **Source**: ITU-T T.81, annex B; colour rules of libjpeg.
 */
export function readJpegHeader(bytes: Uint8Array): JpegHeader | undefined {
  try {
    return parse(bytes);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function parse(bytes: Uint8Array): JpegHeader | undefined {
  const quantTables: (Uint16Array | undefined)[] = [];
  const huffman: [(HuffmanSpec | undefined)[], (HuffmanSpec | undefined)[]] = [[], []];
  let frame: { width: number; height: number; components: JpegComponent[] } | undefined;
  let orientation = 1;
  let restartInterval = 0;
  let hasJfif = false;
  let adobeTransform: number | undefined;
  const word = (at: number) => (bytes[at] << 8) | bytes[at + 1];
  if (word(0) !== 0xffd8) return undefined;
  let at = 2;
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) return undefined;
    const code = bytes[at + 1];
    if (code === 0xff) {
      at++;
      continue;
    }
    const start = at + 4;
    const end = at + 2 + word(at + 2);
    if (end > bytes.length || end < start) return undefined;
    at = end;
    if (code === marker.jfif) hasJfif ||= word(start) === 0x4a46;
    else if (code === marker.exif && orientation === 1) orientation = readOrientation(bytes, start, end);
    else if (code === marker.adobe && end - start >= 12 && word(start) === 0x4164) adobeTransform = bytes[start + 11];
    else if (code === marker.dri) restartInterval = word(start);
    else if (code === marker.dqt) readQuantTables(bytes, start, end, quantTables);
    else if (code === marker.dht) readHuffmanTables(bytes, start, end, huffman);
    else if (sequentialFrames.includes(code)) {
      if (frame || bytes[start] !== 8) return undefined;
      const count = bytes[start + 5];
      const components = Array.from({ length: count }, (_, i) => {
        const entry = start + 6 + 3 * i;
        return {
          id: bytes[entry],
          h: bytes[entry + 1] >> 4,
          v: bytes[entry + 1] & 15,
          quantTable: bytes[entry + 2] & 3,
          dcTable: 0,
          acTable: 0,
        };
      });
      frame = { height: word(start + 1), width: word(start + 3), components };
    } else if (code >= 0xc0 && code <= 0xcf) return undefined;
    else if (code === marker.sos) {
      if (!frame || frame.width === 0 || frame.height === 0) return undefined;
      const { components } = frame;
      if (bytes[start] !== components.length || !knowsLayout(components, frame.width)) return undefined;
      for (const [i, component] of components.entries()) {
        if (bytes[start + 1 + 2 * i] !== component.id) return undefined;
        component.dcTable = (bytes[start + 2 + 2 * i] >> 4) & 3;
        component.acTable = bytes[start + 2 + 2 * i] & 3;
        if (!quantTables[component.quantTable] || !huffman[0][component.dcTable] || !huffman[1][component.acTable]) return undefined;
      }
      const ids = components.map(({ id }) => id);
      if (components.length === 3 && !isYcc(ids, hasJfif, adobeTransform)) return undefined;
      // A single plane is not interleaved: its MCU is one block whatever its sampling says.
      if (components.length === 1) Object.assign(components[0], { h: 1, v: 1 });
      return { ...frame, orientation, quantTables, dcTables: huffman[0], acTables: huffman[1], restartInterval, scanStart: end };
    } else if (code < 0xe0 && code !== 0xdc) return undefined;
  }
  return undefined;
}

function readQuantTables(bytes: Uint8Array, start: number, end: number, tables: (Uint16Array | undefined)[]): void {
  for (let at = start; at < end; ) {
    const wide = bytes[at] >> 4;
    const table = new Uint16Array(64);
    for (let k = 0; k < 64; k++) table[k] = wide ? (bytes[at + 1 + 2 * k] << 8) | bytes[at + 2 + 2 * k] : bytes[at + 1 + k];
    tables[bytes[at] & 3] = table;
    at += 1 + (wide ? 128 : 64);
  }
}

function readHuffmanTables(bytes: Uint8Array, start: number, end: number, tables: [unknown[], unknown[]]): void {
  for (let at = start; at + 17 <= end; ) {
    const counts = bytes.subarray(at + 1, at + 17);
    const total = counts.reduce((a, b) => a + b, 0);
    tables[(bytes[at] >> 4) & 1][bytes[at] & 3] = { counts, symbols: bytes.subarray(at + 17, at + 17 + total) } satisfies HuffmanSpec;
    at += 17 + total;
  }
}
