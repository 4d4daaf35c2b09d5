import { type Scratch, slots } from '../scratch.ts';
import type { HuffmanSpec, JpegComponent, JpegHeader, NeededRegion } from './header.ts';

/** Natural order of the coefficients by their place in the zigzag, with room for a run that goes past the end. */
const naturalOrder = Uint8Array.from({ length: 80 }, (_, k) => (k < 64 ? zigzagAt(k) : 63));

function zigzagAt(k: number): number {
  let [row, column] = [0, 0];
  for (let i = 0; i < k; i++) {
    const upwards = (row + column) % 2 === 0;
    if (upwards && column === 7) row++;
    else if (upwards && row === 0) column++;
    else if (!upwards && row === 7) column++;
    else if (!upwards && column === 0) row++;
    else {
      row += upwards ? -1 : 1;
      column += upwards ? 1 : -1;
    }
  }
  return 8 * row + column;
}

/** Interpolation looks one chroma sample, which is up to two pixels, around. */
const around = 2;

/** MCUs: sizes in pixels, how many there are, and which of them a region needs. */
interface Grid {
  mcuWidth: number;
  mcuHeight: number;
  perRow: number;
  rows: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

function gridOf({ width, height, components: [{ h, v }] }: JpegHeader, region: NeededRegion): Grid {
  const [mcuWidth, mcuHeight] = [8 * h, 8 * v];
  const perRow = Math.ceil(width / mcuWidth);
  const rows = Math.ceil(height / mcuHeight);
  return {
    mcuWidth,
    mcuHeight,
    perRow,
    rows,
    left: Math.max(0, Math.floor((region.x - around) / mcuWidth)),
    right: Math.min(perRow, Math.ceil((region.x + region.width + around) / mcuWidth)),
    top: Math.max(0, Math.floor((region.y - around) / mcuHeight)),
    bottom: Math.min(rows, Math.ceil((region.y + region.height + around) / mcuHeight)),
  };
}

/** First and one past the last column of MCUs that a row of them needs. */
function wantedColumns(
  { x, y, width, height, spans }: NeededRegion,
  row: number,
  { mcuWidth, mcuHeight }: Grid,
): [from: number, to: number] {
  let [from, to] = [x, x + width];
  if (spans) {
    [from, to] = [to, from];
    const last = Math.min(height, (row + 1) * mcuHeight + around - y);
    for (let r = Math.max(0, row * mcuHeight - around - y); r < last; r++) {
      if (spans[2 * r] >= spans[2 * r + 1]) continue;
      from = Math.min(from, spans[2 * r]);
      to = Math.max(to, spans[2 * r + 1]);
    }
    if (from >= to) return [0, 0];
  }
  return [Math.floor((from - around) / mcuWidth), Math.ceil((to + around) / mcuWidth)];
}

/** As far as an MCU may be read past the end before that is noticed: 6 blocks of 64 codes with their extra bits. */
const mostBytesPerMcu = 2048;
const quantBytes = 128;
const huffmanBytes = 4608;
const partsAt = 4;

/** Puts quantisation and Huffman tables into the room: 4 of the first kind, then 4 for DC and 4 for AC. Returns their first address. */
function placeTables({ quantTables, dcTables, acTables }: JpegHeader, scratch: Scratch): number {
  const room = scratch.bytes(slots.tables, 4 * quantBytes + 8 * huffmanBytes + 512);
  const spec = room.length - 512;
  for (const [i, table] of quantTables.entries())
    if (table) room.set(new Uint8Array(table.buffer, table.byteOffset, quantBytes), i * quantBytes);
  const build = (table: HuffmanSpec | undefined, index: number) => {
    if (!table) return;
    room.set(table.counts, spec);
    room.set(table.symbols.subarray(0, 256), spec + 16);
    const at = room.byteOffset;
    scratch.kernels.buildTable(at + spec, at + spec + 16, at + 4 * quantBytes + index * huffmanBytes);
  };
  for (let i = 0; i < 4; i++) {
    build(dcTables[i], i);
    build(acTables[i], 4 + i);
  }
  return room.byteOffset;
}

interface Plane {
  readonly at: number;
  readonly stride: number;
  /** Address that the sample (0, 0) of the whole picture would have. */
  readonly origin: number;
  /** Samples the whole picture has along both axes: beyond them is padding, which no interpolation may see. */
  readonly width: number;
  readonly height: number;
}

function placePlane(
  { width, height, components: [{ h, v }] }: JpegHeader,
  component: JpegComponent,
  index: number,
  grid: Grid,
  scratch: Scratch,
): Plane {
  const stride = 8 * component.h * (grid.right - grid.left);
  const samples = scratch.bytes(slots.planes + index, stride * 8 * component.v * (grid.bottom - grid.top));
  return {
    at: samples.byteOffset,
    stride,
    origin: samples.byteOffset - 8 * component.v * grid.top * stride - 8 * component.h * grid.left,
    width: Math.ceil((width * component.h) / h),
    height: Math.ceil((height * component.v) / v),
  };
}

/**
 * Decodes one part of a sequential JPEG to RGB, the same numbers as libjpeg's default decoder (integer DCT, interpolated chroma).
 *
 * Blocks outside the part are read only as far as the position of the next needs it; those below it not at all. Exists because libvips decodes whole rows
 * and pays more to start than a small part costs.
 *
 * - `bytes`: the file; `header`: what `readJpegHeader` said of it.
 * - `region`: in stored pixels, before any orientation; inside the picture.
 *
 * Returns RGB, row by row, in the room of `scratch` (pixels beside the region's spans are left as they were); undefined if the entropy-coded bytes are broken or cut
 * short: libjpeg then decides what can be saved.
 *
 * **Source**: ITU-T T.81; rounding of libjpeg.
 */
export function decodeJpegRegion(bytes: Uint8Array, header: JpegHeader, region: NeededRegion, scratch: Scratch): Uint8Array | undefined {
  // Between the scan and the end may lie other markers, but an end there must be: without it the file was cut.
  const last = bytes.lastIndexOf(0xd9);
  if (last < header.scanStart || bytes[last - 1] !== 0xff) return undefined;
  const { components } = header;
  const grid = gridOf(header, region);
  const mcus = grid.perRow * grid.rows;
  const interval = header.restartInterval || mcus;
  const partCount = Math.ceil(mcus / interval);

  const coded = bytes.subarray(header.scanStart);
  const file = scratch.bytes(slots.file, coded.length + mostBytesPerMcu).subarray(0, coded.length);
  file.set(coded);
  const tables = placeTables(header, scratch);
  const planes = components.map((component, i) => placePlane(header, component, i, grid, scratch));

  // Laid out as kernels.as declares it: the scan's fields, components, parts, wanted columns; then the order and the block.
  const rows = grid.bottom - grid.top;
  const columnsAt = 12 + 8 * 3 + partsAt + partCount;
  const orderAt = columnsAt + 2 * rows;
  const blockAt = 4 * Math.ceil((orderAt + 20) / 4);
  const scan = scratch.ints(slots.scan, blockAt + 128);
  const address = (index: number) => scan.byteOffset + 4 * index;
  const parts = scratch.kernels.unstuff(file.byteOffset, file.byteOffset + file.length, address(12 + 8 * 3), partCount + partsAt - 1);
  if (parts < partCount) return undefined;
  // Whole parts before the region need not be read at all.
  const firstMcu = Math.floor((grid.top * grid.perRow) / interval) * interval;
  const { left, top, perRow, bottom } = grid;
  scan.set([components.length, perRow, interval, firstMcu, bottom * perRow, top, left, parts]);
  scan.set([address(12 + 8 * 3), address(columnsAt), address(orderAt), address(blockAt)], 8);
  for (const [i, { h, v, dcTable, acTable, quantTable }] of components.entries()) {
    const huffman = tables + 4 * quantBytes;
    const { at, stride } = planes[i];
    scan.set(
      [h, v, huffman + dcTable * huffmanBytes, huffman + (4 + acTable) * huffmanBytes, tables + quantTable * quantBytes, at, stride, 0],
      12 + 8 * i,
    );
  }
  for (let r = 0; r < rows; r++) scan.set(wantedColumns(region, top + r, grid), columnsAt + 2 * r);
  new Uint8Array(scan.buffer, address(orderAt), 80).set(naturalOrder);
  if (!scratch.kernels.decodeScan(scan.byteOffset, address(12))) return undefined;
  return planesToRgb(planes, components[0].h, components[0].v, region, scratch);
}

/** Makes RGB of the planes: `h` and `v` are how many luma samples lie on a chroma sample along each axis. */
function planesToRgb([luma, cb, cr]: Plane[], h: number, v: number, region: NeededRegion, scratch: Scratch): Uint8Array {
  const { x, y, width, height, spans } = region;
  const roomStride = 16 * Math.ceil((width + 32) / 16);
  const room = scratch.bytes(slots.rows, 4 * roomStride).byteOffset;
  const rgb = scratch.bytes(slots.decoded, 3 * width * height);
  const rowOf = (plane: Plane, row: number) => plane.origin + Math.min(Math.max(row, 0), plane.height - 1) * plane.stride;
  for (let r = 0; r < height; r++) {
    const from = spans ? spans[2 * r] : x;
    const count = (spans ? spans[2 * r + 1] : x + width) - from;
    if (count <= 0) continue;
    const out = rgb.byteOffset + 3 * (r * width + from - x);
    const row = y + r;
    if (!cb) {
      scratch.kernels.greyRow(rowOf(luma, row) + from, count, out);
      continue;
    }
    const isLower = (row & 1) === 1;
    const near = v === 2 ? row >> 1 : row;
    const far = v === 2 ? near + (isLower ? 1 : -1) : near;
    const skip = h === 2 ? from & 1 : 0;
    const chroma = [rowOf(cb, near), rowOf(cb, far), rowOf(cr, near), rowOf(cr, far)] as const;
    scratch.kernels.colourRow(rowOf(luma, row), ...chroma, from, count, cb.width, h, v, isLower, room, roomStride, out, skip);
  }
  return rgb;
}
