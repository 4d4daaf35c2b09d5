// The loops that touch every pixel, in AssemblyScript (TypeScript's syntax over WebAssembly with 128-bit vectors). `node src/data/kernels/build.mjs`
// turns this file into binary.ts. All arguments are addresses and numbers; kernels.ts names them.

// ---------------------------------------------------------------------------------------------------------------------------- Huffman codes

const lookupBits: u32 = 10;
// A table: 1024 entries by the next 10 bits, then by code length the limits, the offsets, and the symbols.
const limitsAt: usize = 4096;
const offsetsAt: usize = limitsAt + 18 * 4;
const symbolsAt: usize = offsetsAt + 18 * 4;

/**
 * Fills a table. An entry is `value << 16 | run << 8 | bits used` where a code and its extra bits are among the 10; else
 * `symbol << 8 | 0x80 | bits of the code`; 0 for a longer code.
 */
export function buildTable(counts: usize, symbols: usize, table: usize): void {
  memory.fill(table, 0, limitsAt);
  store<u32>(table + limitsAt + 4 * 17, 0xffffffff);
  let code: u32 = 0;
  let index: u32 = 0;
  for (let length: u32 = 1; length <= 16; length++) {
    store<i32>(table + offsetsAt + 4 * length, index - code);
    const count: u32 = load<u8>(counts + length - 1);
    for (let i: u32 = 0; i < count; i++, code++, index++) {
      if (index > 255) return;
      const symbol: u32 = load<u8>(symbols + index);
      store<u8>(table + symbolsAt + index, symbol);
      if (length > lookupBits) continue;
      const free = lookupBits - length;
      const size = symbol & 15;
      const first = code << free;
      if (first + (1 << free) > 1024) return;
      for (let rest: u32 = 0; rest < (<u32>1) << free; rest++) {
        let entry: u32 = (symbol << 8) | 0x80 | length;
        if (size > 0 && size <= free) {
          let value: i32 = rest >> (free - size);
          if (value < 1 << (size - 1)) value -= (1 << size) - 1;
          entry = (value << 16) | ((symbol >> 4) << 8) | (length + size);
        }
        store<u32>(table + 4 * (first | rest), entry);
      }
    }
    store<u32>(table + limitsAt + 4 * length, code << (16 - length));
    code <<= 1;
  }
}

/**
 * Takes the stuffing out of entropy-coded bytes, in place, up to the first marker that is no restart. Writes where each part between restarts begins, and where the last ends,
 * to `parts`, at most `mostParts` of them. Returns the number of parts, 0 if no marker ends them.
 */
export function unstuff(start: usize, end: usize, parts: usize, mostParts: i32): i32 {
  let at = start;
  let out = start;
  let count = 0;
  store<u32>(parts, <u32>out);
  while (at + 1 < end) {
    if (at + 16 <= end) {
      const bytes = v128.load(at);
      if (!v128.any_true(i8x16.eq(bytes, i8x16.splat(-1)))) {
        v128.store(out, bytes);
        at += 16;
        out += 16;
        continue;
      }
    }
    const byte = load<u8>(at);
    if (byte != 0xff) {
      store<u8>(out++, byte);
      at++;
      continue;
    }
    const next = load<u8>(at + 1);
    if (next == 0) {
      store<u8>(out++, 0xff);
      at += 2;
    } else if (next == 0xff) at++;
    else {
      if (++count > mostParts) return 0;
      store<u32>(parts + 4 * count, <u32>out);
      if (next < 0xd0 || next > 0xd7) {
        if (out + 8 <= at) store<u64>(out, 0);
        return count;
      }
      at += 2;
    }
  }
  return 0;
}

// ------------------------------------------------------------------------------------------------------------------------------- The scan

/** What `decodeScan` works on: see kernels.ts. */
@unmanaged
class Scan {
  components: i32;
  perRow: i32;
  interval: i32;
  firstMcu: i32;
  lastMcu: i32;
  top: i32;
  left: i32;
  partCount: i32;
  parts: usize;
  /** First and one past the last wanted column of every row of MCUs from `top`. */
  columns: usize;
  naturalOrder: usize;
  /** Room for 64 coefficients and the workspace of the transform. */
  block: usize;
}

@unmanaged
class Component {
  h: i32;
  v: i32;
  dcTable: usize;
  acTable: usize;
  quant: usize;
  plane: usize;
  stride: i32;
  dc: i32;
}

let readAt: usize = 0;
let readBuffer: u64 = 0;
let readBits: i32 = 0;
let isBroken: bool = false;

/** Reads a block and returns its DC difference, with bit 31 … as they are; `hasAc` is left in `blockHasAc`. `quant` 0 passes it over. */
let blockHasAc: bool = false;

function readBlock(dcTable: usize, acTable: usize, quant: usize, block: usize, naturalOrder: usize): i32 {
  let at = readAt;
  let buffer = readBuffer;
  let bits = readBits;
  let hasAc = false;
  let difference: i32 = 0;
  let table = dcTable;
  let k: u32 = 0;
  while (k < 64) {
    if (bits < 32) {
      buffer |= (<u64>bswap<u32>(load<u32>(at))) << (32 - bits);
      at += 4;
      bits += 32;
    }
    const entry = load<u32>(table + (((<usize>(buffer >> 54)) << 2)));
    let value: i32;
    if (entry != 0 && !(entry & 0x80)) {
      const used = entry & 0x7f;
      buffer <<= used;
      bits -= used;
      value = (<i32>entry) >> 16;
      k += (entry >> 8) & 15;
    } else {
      let symbol: u32;
      if (entry != 0) {
        const used = entry & 0x7f;
        buffer <<= used;
        bits -= used;
        symbol = (entry >> 8) & 255;
      } else {
        const code = <u32>(buffer >> 48);
        let length: u32 = lookupBits + 1;
        while (code >= load<u32>(table + limitsAt + 4 * length)) length++;
        if (length > 16) {
          isBroken = true;
          break;
        }
        symbol = load<u8>(table + symbolsAt + ((load<i32>(table + offsetsAt + 4 * length) + (code >> (16 - length))) & 255));
        buffer <<= length;
        bits -= length;
      }
      const size = symbol & 15;
      if (size == 0) {
        if (k == 0) {
          table = acTable;
          k = 1;
          continue;
        }
        if (symbol != 0xf0) break;
        k += 16;
        continue;
      }
      if (k > 0) k += symbol >> 4;
      value = <i32>(buffer >> (64 - size));
      if ((<i64>buffer) >= 0) value -= (1 << size) - 1;
      buffer <<= size;
      bits -= size;
    }
    if (k == 0) {
      difference = value;
      table = acTable;
    } else if (quant != 0) {
      store<i32>(block + ((<usize>load<u8>(naturalOrder + k)) << 2), value * load<u16>(quant + ((k & 63) << 1)));
      hasAc = true;
    }
    k++;
  }
  readAt = at;
  readBuffer = buffer;
  readBits = bits;
  blockHasAc = hasAc;
  return difference;
}

/** Reads all blocks from the first MCU to the last and transforms the wanted ones. Returns 1, or 0 if the codes are broken or end early. */
export function decodeScan(scan: Scan, first: usize): i32 {
  const perRow = scan.perRow;
  const naturalOrder = scan.naturalOrder;
  const block = scan.block;
  let part = scan.firstMcu / scan.interval;
  let end: usize = 0;
  let row = scan.firstMcu / perRow;
  let column = scan.firstMcu - row * perRow;
  let from = 0;
  let to = 0;
  isBroken = false;
  memory.fill(block, 0, 256);
  for (let mcu = scan.firstMcu; mcu < scan.lastMcu; mcu++) {
    if (mcu % scan.interval == 0) {
      if (part >= scan.partCount) return 0;
      readAt = load<u32>(scan.parts + 4 * part);
      end = load<u32>(scan.parts + 4 * part + 4);
      readBuffer = 0;
      readBits = 0;
      part++;
      for (let c = 0; c < scan.components; c++) changetype<Component>(first + c * offsetof<Component>()).dc = 0;
    }
    if (column == 0 || mcu == scan.firstMcu) {
      from = to = 0;
      if (row >= scan.top) {
        from = load<i32>(scan.columns + 8 * (row - scan.top));
        to = load<i32>(scan.columns + 8 * (row - scan.top) + 4);
      }
    }
    const wanted = column >= from && column < to;
    for (let c = 0; c < scan.components; c++) {
      const component = changetype<Component>(first + c * offsetof<Component>());
      const quant = component.quant;
      const stride = component.stride;
      for (let j = 0; j < component.v; j++) {
        for (let i = 0; i < component.h; i++) {
          component.dc += readBlock(component.dcTable, component.acTable, wanted ? quant : 0, block, naturalOrder);
          if (!wanted) continue;
          const out = component.plane + 8 * (((row - scan.top) * component.v + j) * stride + (column - scan.left) * component.h + i);
          const level = component.dc * load<u16>(quant);
          if (blockHasAc) {
            store<i32>(block, level);
            inverseDct(block, out, stride);
          } else {
            const flat = min(255, max(0, ((level + 4) >> 3) + 128));
            const eight = (<u64>flat) * 0x0101010101010101;
            for (let r = 0, o = out; r < 8; r++, o += stride) store<u64>(o, eight);
          }
        }
      }
    }
    if (isBroken || readAt - (readBits >> 3) > end) return 0;
    if (++column == perRow) {
      column = 0;
      row++;
    }
  }
  return 1;
}

// ------------------------------------------------------------------------------------------------------------------ Inverse cosine transform

// Results of one one-dimensional transform.
let y0: v128 = i32x4.splat(0);
let y1: v128 = i32x4.splat(0);
let y2: v128 = i32x4.splat(0);
let y3: v128 = i32x4.splat(0);
let y4: v128 = i32x4.splat(0);
let y5: v128 = i32x4.splat(0);
let y6: v128 = i32x4.splat(0);
let y7: v128 = i32x4.splat(0);

// @ts-ignore: decorator
@inline
function times(x: v128, factor: i32): v128 {
  return i32x4.mul(x, i32x4.splat(factor));
}

/** Four transforms of length 8 side by side, 13 bits of fraction, rounded by `shift` bits: Loeffler, Ligtenberg and Moschytz with libjpeg's constants. */
// @ts-ignore: decorator
@inline
function transform(x0: v128, x1: v128, x2: v128, x3: v128, x4: v128, x5: v128, x6: v128, x7: v128, shift: i32): void {
  const round = i32x4.splat(1 << (shift - 1));
  const even = times(i32x4.add(x2, x6), 4433);
  const t2 = i32x4.sub(even, times(x6, 15137));
  const t3 = i32x4.add(even, times(x2, 6270));
  const t0 = i32x4.add(i32x4.shl(i32x4.add(x0, x4), 13), round);
  const t1 = i32x4.add(i32x4.shl(i32x4.sub(x0, x4), 13), round);
  const e0 = i32x4.add(t0, t3);
  const e3 = i32x4.sub(t0, t3);
  const e1 = i32x4.add(t1, t2);
  const e2 = i32x4.sub(t1, t2);
  const s71 = i32x4.add(x7, x1);
  const s53 = i32x4.add(x5, x3);
  const s73 = i32x4.add(x7, x3);
  const s51 = i32x4.add(x5, x1);
  const z5 = times(i32x4.add(s73, s51), 9633);
  const z1 = times(s71, -7373);
  const z2 = times(s53, -20995);
  const z3 = i32x4.add(times(s73, -16069), z5);
  const z4 = i32x4.add(times(s51, -3196), z5);
  const o0 = i32x4.add(times(x7, 2446), i32x4.add(z1, z3));
  const o1 = i32x4.add(times(x5, 16819), i32x4.add(z2, z4));
  const o2 = i32x4.add(times(x3, 25172), i32x4.add(z2, z3));
  const o3 = i32x4.add(times(x1, 12299), i32x4.add(z1, z4));
  y0 = i32x4.shr_s(i32x4.add(e0, o3), shift);
  y7 = i32x4.shr_s(i32x4.sub(e0, o3), shift);
  y1 = i32x4.shr_s(i32x4.add(e1, o2), shift);
  y6 = i32x4.shr_s(i32x4.sub(e1, o2), shift);
  y2 = i32x4.shr_s(i32x4.add(e2, o1), shift);
  y5 = i32x4.shr_s(i32x4.sub(e2, o1), shift);
  y3 = i32x4.shr_s(i32x4.add(e3, o0), shift);
  y4 = i32x4.shr_s(i32x4.sub(e3, o0), shift);
}

/** Stores four vectors as the columns of a 4 × 4 square whose rows lie 32 bytes apart. */
// @ts-ignore: decorator
@inline
function storeTurned(a: v128, b: v128, c: v128, d: v128, at: usize): void {
  const ab0 = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
  const ab1 = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
  const cd0 = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
  const cd1 = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
  v128.store(at, v128.shuffle<i64>(ab0, cd0, 0, 2));
  v128.store(at + 32, v128.shuffle<i64>(ab0, cd0, 1, 3));
  v128.store(at + 64, v128.shuffle<i64>(ab1, cd1, 0, 2));
  v128.store(at + 96, v128.shuffle<i64>(ab1, cd1, 1, 3));
}

/** One block, 64 dequantised coefficients in natural order, which are left zero. 256 bytes after them are used. */
function inverseDct(block: usize, out: usize, stride: i32): void {
  const work = block + 256;
  for (let half: usize = 0; half < 2; half++) {
    const at = block + 16 * half;
    transform(
      v128.load(at), v128.load(at, 32), v128.load(at, 64), v128.load(at, 96),
      v128.load(at, 128), v128.load(at, 160), v128.load(at, 192), v128.load(at, 224), 11,
    );
    storeTurned(y0, y1, y2, y3, work + 128 * half);
    storeTurned(y4, y5, y6, y7, work + 128 * half + 16);
  }
  memory.fill(block, 0, 256);
  // Now row c of the workspace holds column c: element r of it is row r.
  transform(
    v128.load(work), v128.load(work, 32), v128.load(work, 64), v128.load(work, 96),
    v128.load(work, 128), v128.load(work, 160), v128.load(work, 192), v128.load(work, 224), 18,
  );
  const l01 = i16x8.narrow_i32x4_s(y0, y1);
  const l23 = i16x8.narrow_i32x4_s(y2, y3);
  const l45 = i16x8.narrow_i32x4_s(y4, y5);
  const l67 = i16x8.narrow_i32x4_s(y6, y7);
  transform(
    v128.load(work, 16), v128.load(work, 48), v128.load(work, 80), v128.load(work, 112),
    v128.load(work, 144), v128.load(work, 176), v128.load(work, 208), v128.load(work, 240), 18,
  );
  storeRows(l01, l23, l45, l67, out, stride);
  storeRows(i16x8.narrow_i32x4_s(y0, y1), i16x8.narrow_i32x4_s(y2, y3), i16x8.narrow_i32x4_s(y4, y5), i16x8.narrow_i32x4_s(y6, y7), out + 4 * stride, stride);
}

/** Four rows of samples; each vector holds two columns of them. 128 is added because samples are stored around zero. */
// @ts-ignore: decorator
@inline
function storeRows(c01: v128, c23: v128, c45: v128, c67: v128, out: usize, stride: i32): void {
  const middle = i16x8.splat(128);
  const left = i8x16.narrow_i16x8_u(i16x8.add_sat_s(c01, middle), i16x8.add_sat_s(c23, middle));
  const right = i8x16.narrow_i16x8_u(i16x8.add_sat_s(c45, middle), i16x8.add_sat_s(c67, middle));
  const rows01 = i8x16.shuffle(left, right, 0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29);
  const rows23 = i8x16.shuffle(left, right, 2, 6, 10, 14, 18, 22, 26, 30, 3, 7, 11, 15, 19, 23, 27, 31);
  v128.store_lane<u64>(out, rows01, 0);
  v128.store_lane<u64>(out + stride, rows01, 1);
  v128.store_lane<u64>(out + 2 * stride, rows23, 0);
  v128.store_lane<u64>(out + 3 * stride, rows23, 1);
}

// ------------------------------------------------------------------------------------------------------------------------- Planes to RGB

/** Widened to 16 bits: eight samples. */
// @ts-ignore: decorator
@inline
function eight(at: usize): v128 {
  return v128.load_ext<u8>(at);
}

/**
 * Interpolates one chroma row to the picture's size: triangle weights 3 : 1 along every axis that is stored at half size, rounded as libjpeg does.
 * `near` and `far` are the addresses of sample 0 of the two rows; samples `from` to `from + count − 1` are wanted, of `width` there are. `sums` is room for them with one
 * more on both sides, as 16-bit numbers, and a vector.
 */
function chromaRow(near: usize, far: usize, from: i32, count: i32, width: i32, h: i32, v: i32, isLower: bool, sums: usize, out: usize): void {
  const first = max(from - 1, 0);
  const last = min(from + count, width - 1);
  const base = sums + 2 * (first - (from - 1));
  for (let i = 0; i <= last - first; i += 8) {
    const sample = eight(near + first + i);
    v128.store(base + 2 * i, v == 2 ? i16x8.add(i16x8.mul(sample, i16x8.splat(3)), eight(far + first + i)) : sample);
  }
  if (from == 0) store<u16>(sums, load<u16>(sums + 2));
  if (from + count > last) store<u16>(sums + 2 * (count + 1), load<u16>(sums + 2 * count));
  if (h == 2) {
    const shift = v == 2 ? 4 : 2;
    const left = i16x8.splat(v == 2 ? 8 : 1);
    const right = i16x8.splat(v == 2 ? 7 : 2);
    for (let i = 0; i < count; i += 8) {
      const at = sums + 2 * i;
      const three = i16x8.mul(v128.load(at, 2), i16x8.splat(3));
      const even = i16x8.shr_u(i16x8.add(i16x8.add(three, v128.load(at)), left), shift);
      const odd = i16x8.shr_u(i16x8.add(i16x8.add(three, v128.load(at, 4)), right), shift);
      v128.store(out + 2 * i, v128.or(even, i16x8.shl(odd, 8)));
    }
  } else {
    const bias = i16x8.splat(v == 2 ? (isLower ? 2 : 1) : 0);
    const shift = v == 2 ? 2 : 0;
    for (let i = 0; i < count; i += 8) {
      const level = i16x8.shr_u(i16x8.add(v128.load(sums + 2 * i, 2), bias), shift);
      v128.store_lane<u64>(out + i, i8x16.narrow_i16x8_u(level, level), 0);
    }
  }
}

/** `(factor·x + 32768) >> 16` of eight 16-bit numbers. */
// @ts-ignore: decorator
@inline
function scaled(x: v128, factor: i16): v128 {
  const half = i32x4.splat(32768);
  const f = i16x8.splat(factor);
  const low = i32x4.shr_s(i32x4.add(i32x4.extmul_low_i16x8_s(x, f), half), 16);
  const high = i32x4.shr_s(i32x4.add(i32x4.extmul_high_i16x8_s(x, f), half), 16);
  return i16x8.narrow_i32x4_s(low, high);
}

/** YCbCr of JFIF to RGB in libjpeg's 16-bit fixed point; factors of more than 16 bits are split. Writes up to 7 pixels too many. */
function convertRow(luma: usize, cb: usize, cr: usize, count: i32, out: usize): void {
  const middle = i16x8.splat(128);
  const half = i32x4.splat(32768);
  const greens = i16x8(-22554, 18734, -22554, 18734, -22554, 18734, -22554, 18734);
  for (let i = 0; i < count; i += 8, out += 24) {
    const y = eight(luma + i);
    const b = i16x8.sub(eight(cb + i), middle);
    const c = i16x8.sub(eight(cr + i), middle);
    // 1.402 = 65536 + 26345, 1.772 = 2·65536 − 14942, −0.71414 = −65536 + 18734 (of 65536).
    const red = i16x8.add(i16x8.add(y, c), scaled(c, 26345));
    const blue = i16x8.add(i16x8.add(y, i16x8.add(b, b)), scaled(b, -14942));
    const low = i32x4.dot_i16x8_s(v128.shuffle<i16>(b, c, 0, 8, 1, 9, 2, 10, 3, 11), greens);
    const high = i32x4.dot_i16x8_s(v128.shuffle<i16>(b, c, 4, 12, 5, 13, 6, 14, 7, 15), greens);
    const rest = i16x8.narrow_i32x4_s(i32x4.shr_s(i32x4.add(low, half), 16), i32x4.shr_s(i32x4.add(high, half), 16));
    const green = i16x8.add(i16x8.sub(y, c), rest);
    const rg = i8x16.narrow_i16x8_u(red, green);
    const bb = i8x16.narrow_i16x8_u(blue, blue);
    v128.store(out, i8x16.shuffle(rg, bb, 0, 8, 16, 1, 9, 17, 2, 10, 18, 3, 11, 19, 4, 12, 20, 5));
    v128.store_lane<u64>(out + 16, i8x16.shuffle(rg, bb, 13, 21, 6, 14, 22, 7, 15, 23, 0, 0, 0, 0, 0, 0, 0, 0), 0);
  }
}

/** One row of RGB from three planes. Addresses are those of sample 0 of each row; `from` is even where chroma is at half width. */
export function colourRow(
  luma: usize, cb: usize, cbFar: usize, cr: usize, crFar: usize, from: i32, count: i32, width: i32, h: i32, v: i32, isLower: bool, room: usize, roomStride: i32,
  out: usize, skip: i32,
): void {
  const samples = h == 2 ? (count + skip + 1) >> 1 : count + skip;
  const chroma = h == 2 ? (from - skip) >> 1 : from - skip;
  const cbRow = room + 2 * roomStride;
  const crRow = cbRow + roomStride;
  chromaRow(cb, cbFar, chroma, samples, width, h, v, isLower, room, cbRow);
  chromaRow(cr, crFar, chroma, samples, width, h, v, isLower, room, crRow);
  convertRow(luma + from, cbRow + skip, crRow + skip, count, out);
}

export function greyRow(luma: usize, count: i32, out: usize): void {
  for (let i = 0; i < count; i++, out += 3) {
    const level = load<u8>(luma + i);
    store<u8>(out, level);
    store<u8>(out, level, 1);
    store<u8>(out, level, 2);
  }
}

// ------------------------------------------------------------------------------------------------------------------------------ Rotation

/**
 * Nearest pixels of one output row. `xPart` and `yPart` hold, by column, what the column adds to the row's place, all in 16-bit fixed point; `origin` is the address that pixel
 * (0, 0) of the source would have. Writes one byte too many.
 */
export function rotateRow(
  origin: usize, stride: i32, width: u32, height: u32, xPart: usize, yPart: usize, rowX: i32, rowY: i32, columns: i32, fill: u32, out: usize,
): void {
  for (let i = 0; i < columns; i++, out += 3) {
    const x = (load<i32>(xPart + 4 * i) + rowX) >> 16;
    const y = (load<i32>(yPart + 4 * i) + rowY) >> 16;
    const pixel = <u32>x < width && <u32>y < height ? load<u32>(origin + y * stride + 3 * x) : fill;
    store<u32>(out, pixel);
  }
}

// -------------------------------------------------------------------------------------------------------------------------------- Resize

/**
 * Taps of one axis: for every output pixel the first input pixel, how many there are, and `most` weights in 22-bit fixed point. Sums are of 32 bits and saturate to a byte.
 */
const halfWeight: i32 = 1 << 21;

/** Resamples one row of RGB. `start` is the address that pixel 0 would have. Writes one byte too many. */
export function resizeRow(start: usize, first: usize, count: usize, weights: usize, most: i32, columns: i32, out: usize): void {
  for (let i = 0; i < columns; i++, out += 3) {
    let at = start + 3 * load<i32>(first + 4 * i);
    let sum = i32x4.splat(halfWeight);
    let weight = weights + 4 * i * most;
    for (let end = weight + 4 * load<i32>(count + 4 * i); weight < end; weight += 4, at += 3) {
      const pixel = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(at)));
      sum = i32x4.add(sum, i32x4.mul(pixel, v128.load32_splat(weight)));
    }
    const levels = i16x8.narrow_i32x4_s(i32x4.shr_s(sum, 22), sum);
    v128.store_lane<u32>(out, i8x16.narrow_i16x8_u(levels, levels), 0);
  }
}

/** Resamples along columns: one row of `bytes` bytes from `taps` rows of which `start` is the first. Writes up to 15 bytes too many. */
export function resizeColumn(start: usize, taps: i32, weights: usize, bytes: i32, out: usize): void {
  for (let i = 0; i < bytes; i += 16) {
    let a = i32x4.splat(halfWeight);
    let b = a;
    let c = a;
    let d = a;
    for (let k = 0, at = start + i; k < taps; k++, at += bytes) {
      const levels = v128.load(at);
      const weight = v128.load32_splat(weights + 4 * k);
      const low = i16x8.extend_low_i8x16_u(levels);
      const high = i16x8.extend_high_i8x16_u(levels);
      a = i32x4.add(a, i32x4.mul(i32x4.extend_low_i16x8_u(low), weight));
      b = i32x4.add(b, i32x4.mul(i32x4.extend_high_i16x8_u(low), weight));
      c = i32x4.add(c, i32x4.mul(i32x4.extend_low_i16x8_u(high), weight));
      d = i32x4.add(d, i32x4.mul(i32x4.extend_high_i16x8_u(high), weight));
    }
    const ab = i16x8.narrow_i32x4_s(i32x4.shr_s(a, 22), i32x4.shr_s(b, 22));
    const cd = i16x8.narrow_i32x4_s(i32x4.shr_s(c, 22), i32x4.shr_s(d, 22));
    v128.store(out + i, i8x16.narrow_i16x8_u(ab, cd));
  }
}

// -------------------------------------------------------------------------------------------------------------------------------- Colour

// Four pixels on their way through the steps, levels 0 to 255 as 32-bit integers.
let red: v128 = i32x4.splat(0);
let green: v128 = i32x4.splat(0);
let blue: v128 = i32x4.splat(0);

// @ts-ignore: decorator
@inline
function clamp(x: v128): v128 {
  return i32x4.min_s(i32x4.max_s(x, i32x4.splat(0)), i32x4.splat(255));
}

// @ts-ignore: decorator
@inline
function greyOf(r: v128, g: v128, b: v128): v128 {
  const sum = i32x4.add(i32x4.add(times(r, 19595), times(g, 38470)), i32x4.add(times(b, 7471), i32x4.splat(32768)));
  return i32x4.shr_s(sum, 16);
}

/** `base + factor·(level − base)` in single precision, cut off to a byte. */
// @ts-ignore: decorator
@inline
function blend(level: v128, base: v128, factor: v128): v128 {
  const moved = f32x4.mul(factor, f32x4.convert_i32x4_s(i32x4.sub(level, base)));
  return clamp(i32x4.trunc_sat_f32x4_s(f32x4.add(f32x4.convert_i32x4_s(base), moved)));
}

/**
 * Hues that PIL's arithmetic puts one step lower than they are: where `hue·255` is a whole number and the rounded quotient falls just below it. Bit t of
 * these 256 says so of hue t; found by trying all colours.
 */
const lowered = memory.data<u64>([0x00000000fffffffe, 0x0000011111000000, 0x23232222222aaaaa, 0x0000000000022222]);

function isLowered(hue: i32): i32 {
  return <i32>((load<u64>(lowered + ((hue >> 6) << 3)) >> (hue & 63)) & 1);
}

// @ts-ignore: decorator
@inline
function float(x: v128): v128 {
  return f32x4.convert_i32x4_s(x);
}

/**
 * Turns the hue by `shift` of 256 steps, through PIL's HSV of 8 bits each, to the last bit: in single precision, every quotient being nearer to its exact value than that is to
 * the next whole number, but for the hues above.
 */
// @ts-ignore: decorator
@inline
function shiftHue(r: v128, g: v128, b: v128, shift: v128): void {
  const largest = i32x4.max_s(r, i32x4.max_s(g, b));
  const chroma = i32x4.sub(largest, i32x4.min_s(r, i32x4.min_s(g, b)));
  const one = i32x4.splat(1);
  const saturation = i32x4.trunc_sat_f32x4_s(f32x4.div(float(times(chroma, 255)), float(i32x4.max_s(largest, one))));
  // The difference of the channels that are not the largest, and 85 times the number of the largest.
  const isRed = i32x4.eq(r, largest);
  const isGreen = i32x4.eq(g, largest);
  const difference = v128.bitselect(i32x4.sub(g, b), v128.bitselect(i32x4.sub(b, r), i32x4.sub(r, g), isGreen), isRed);
  const third = v128.andnot(v128.bitselect(i32x4.splat(85), i32x4.splat(170), isGreen), isRed);
  const numerator = times(difference, 85);
  const denominator = i32x4.shl(i32x4.max_s(chroma, one), 1);
  const quotient = i32x4.trunc_sat_f32x4_s(f32x4.floor(f32x4.div(float(numerator), float(denominator))));
  let hue = i32x4.add(third, quotient);
  hue = i32x4.add(hue, v128.and(i32x4.shr_s(hue, 31), i32x4.splat(255)));
  const isWhole = v128.and(i32x4.eq(i32x4.mul(quotient, denominator), numerator), i32x4.ne(numerator, i32x4.splat(0)));
  if (v128.any_true(isWhole)) {
    let lower = i32x4.splat(isLowered(i32x4.extract_lane(hue, 0)));
    lower = i32x4.replace_lane(lower, 1, isLowered(i32x4.extract_lane(hue, 1)));
    lower = i32x4.replace_lane(lower, 2, isLowered(i32x4.extract_lane(hue, 2)));
    lower = i32x4.replace_lane(lower, 3, isLowered(i32x4.extract_lane(hue, 3)));
    hue = i32x4.sub(hue, v128.and(lower, isWhole));
  }
  const grey = i32x4.eq(chroma, i32x4.splat(0));
  hue = v128.and(i32x4.add(v128.andnot(hue, grey), shift), i32x4.splat(255));
  // sixth = hue·6 div 255, rest = hue·6 mod 255.
  const six = i32x4.add(i32x4.shl(hue, 2), i32x4.shl(hue, 1));
  const sixth = i32x4.shr_u(times(six, 32897), 23);
  const rest = i32x4.sub(six, times(sixth, 255));
  const isOdd = i32x4.eq(v128.and(sixth, one), one);
  const part = v128.bitselect(rest, i32x4.sub(i32x4.splat(255), rest), isOdd);
  const half = f32x4.splat(0.5);
  const left = i32x4.mul(largest, i32x4.sub(i32x4.splat(65025), i32x4.mul(saturation, part)));
  const middle = i32x4.trunc_sat_f32x4_s(f32x4.add(f32x4.mul(float(left), f32x4.splat(1 / <f32>65025)), half));
  const least = i32x4.mul(largest, i32x4.sub(i32x4.splat(255), saturation));
  const low = i32x4.trunc_sat_f32x4_s(f32x4.add(f32x4.mul(float(least), f32x4.splat(1 / <f32>255)), half));
  const is1 = i32x4.eq(sixth, one);
  const is2 = i32x4.eq(sixth, i32x4.splat(2));
  const is3 = i32x4.eq(sixth, i32x4.splat(3));
  const is4 = i32x4.eq(sixth, i32x4.splat(4));
  const is5 = i32x4.eq(sixth, i32x4.splat(5));
  const is12 = v128.or(is1, is2);
  const is34 = v128.or(is3, is4);
  const is05 = v128.not(v128.or(is12, is34));
  red = v128.bitselect(largest, v128.bitselect(middle, low, v128.or(is1, is4)), is05);
  green = v128.bitselect(largest, v128.bitselect(middle, low, v128.or(v128.andnot(is05, is5), is3)), is12);
  blue = v128.bitselect(largest, v128.bitselect(middle, low, v128.or(is2, is5)), is34);
}

/** Loads four pixels; reads 4 bytes too many. */
// @ts-ignore: decorator
@inline
function loadFour(at: usize): void {
  const bytes = v128.load(at);
  const zero = i8x16.splat(0);
  red = i8x16.shuffle(bytes, zero, 0, 16, 16, 16, 3, 16, 16, 16, 6, 16, 16, 16, 9, 16, 16, 16);
  green = i8x16.shuffle(bytes, zero, 1, 16, 16, 16, 4, 16, 16, 16, 7, 16, 16, 16, 10, 16, 16, 16);
  blue = i8x16.shuffle(bytes, zero, 2, 16, 16, 16, 5, 16, 16, 16, 8, 16, 16, 16, 11, 16, 16, 16);
}

// @ts-ignore: decorator
@inline
function storeFour(at: usize): void {
  const packed = v128.or(red, v128.or(i32x4.shl(green, 8), i32x4.shl(blue, 16)));
  const bytes = i8x16.shuffle(packed, packed, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 0, 0, 0, 0);
  v128.store_lane<u64>(at, bytes, 0);
  v128.store_lane<u32>(at + 8, bytes, 2);
}

/** Steps as 16 bytes each: code, then a factor in single precision or a whole number, then the base of a contrast. */
// @ts-ignore: decorator
@inline
function applySteps(steps: usize, count: i32): void {
  for (let s = 0, at = steps; s < count; s++, at += 16) {
    const code = load<i32>(at);
    const factor = v128.load32_splat(at, 4);
    if (code == 0) {
      const base = v128.load32_splat(at, 8);
      red = blend(red, base, factor);
      green = blend(green, base, factor);
      blue = blend(blue, base, factor);
    } else if (code == 1) {
      const grey = greyOf(red, green, blue);
      red = blend(red, grey, factor);
      green = blend(green, grey, factor);
      blue = blend(blue, grey, factor);
    } else if (code == 2) shiftHue(red, green, blue, factor);
    else red = green = blue = greyOf(red, green, blue);
  }
}

/** Applies colour steps to `count` pixels in place; returns the sum of their grey levels afterwards. Buffers are whole groups of four pixels and 4 bytes long. */
export function colourPixels(pixels: usize, count: i32, steps: usize, stepCount: i32): f64 {
  let sum: f64 = 0;
  for (let i = 0, at = pixels; i < count; i += 4, at += 12) {
    loadFour(at);
    applySteps(steps, stepCount);
    if (stepCount > 0) storeFour(at);
    const grey = greyOf(red, green, blue);
    const here = min(4, count - i);
    sum += i32x4.extract_lane(grey, 0);
    if (here > 1) sum += i32x4.extract_lane(grey, 1);
    if (here > 2) sum += i32x4.extract_lane(grey, 2);
    if (here > 3) sum += i32x4.extract_lane(grey, 3);
  }
  return sum;
}

// @ts-ignore: decorator
@inline
function normal(level: v128, mean: v128, std: v128): v128 {
  return f32x4.div(f32x4.sub(f32x4.div(f32x4.convert_i32x4_s(level), f32x4.splat(255)), mean), std);
}

/**
 * Applies colour steps and writes `(level / 255 − mean) / std` channel by channel, `area` numbers each; `scales` holds mean and std of each channel. Buffers have room for whole
 * groups of four.
 */
export function writeTensor(pixels: usize, area: i32, channels: i32, steps: usize, stepCount: i32, scales: usize, channelBytes: usize, out: usize): void {
  const meanR = v128.load32_splat(scales);
  const stdR = v128.load32_splat(scales, 4);
  const meanG = v128.load32_splat(scales, 8);
  const stdG = v128.load32_splat(scales, 12);
  const meanB = v128.load32_splat(scales, 16);
  const stdB = v128.load32_splat(scales, 20);
  for (let i = 0, at = pixels; i < area; i += 4, at += 12, out += 16) {
    loadFour(at);
    applySteps(steps, stepCount);
    v128.store(out, normal(red, meanR, stdR));
    if (channels == 1) continue;
    v128.store(out + channelBytes, normal(green, meanG, stdG));
    v128.store(out + 2 * channelBytes, normal(blue, meanB, stdB));
  }
}

// ---------------------------------------------------------------------------------------------------------------------------- distances

/** Σ |query − row| of bytes for `count` rows, 32-bit integers at `out`. Rows and query are `stride` bytes long, a multiple of 16, filled up with equal bytes. */
export function absoluteSums(query: usize, rows: usize, stride: usize, count: i32, out: usize): void {
  for (let n = 0; n < count; n++, rows += stride, out += 4) {
    let total = i32x4.splat(0);
    let at: usize = 0;
    while (at < stride) {
      // 128 sums of two bytes fit 16 bits.
      const stop = min(at + 2048, stride);
      let part = i16x8.splat(0);
      for (; at < stop; at += 16) {
        const a = v128.load(query + at);
        const b = v128.load(rows + at);
        part = i16x8.add(part, i16x8.extadd_pairwise_i8x16_u(i8x16.sub(i8x16.max_u(a, b), i8x16.min_u(a, b))));
      }
      total = i32x4.add(total, i32x4.extadd_pairwise_i16x8_u(part));
    }
    const sum = i32x4.extract_lane(total, 0) + i32x4.extract_lane(total, 1) + i32x4.extract_lane(total, 2) + i32x4.extract_lane(total, 3);
    store<i32>(out, sum);
  }
}

/** The same of 32-bit reals, with reals at `out`; `stride` bytes, a multiple of 16. */
export function absoluteSumsOfReals(query: usize, rows: usize, stride: usize, count: i32, out: usize): void {
  for (let n = 0; n < count; n++, rows += stride, out += 4) {
    let total = f32x4.splat(0);
    for (let at: usize = 0; at < stride; at += 16) total = f32x4.add(total, f32x4.abs(f32x4.sub(v128.load(query + at), v128.load(rows + at))));
    const sum = f32x4.extract_lane(total, 0) + f32x4.extract_lane(total, 1) + f32x4.extract_lane(total, 2) + f32x4.extract_lane(total, 3);
    store<f32>(out, sum);
  }
}
