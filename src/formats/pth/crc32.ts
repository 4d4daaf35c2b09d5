/** Row k holds the checksum of a byte followed by k zeros, so that four bytes are taken at once. */
const tables = Array.from({ length: 4 }, () => new Uint32Array(256));
for (let byte = 0; byte < 256; byte++) {
  let c = byte;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  tables[0][byte] = c;
}
for (let k = 1; k < 4; k++)
  for (let byte = 0; byte < 256; byte++) tables[k][byte] = (tables[k - 1][byte] >>> 8) ^ tables[0][tables[k - 1][byte] & 255];
const [t0, t1, t2, t3] = tables;

/**
 * CRC-32 of bytes, as zip files use it.
 *
 * **Source**: ISO 3309, polynomial 0x04C11DB7 reflected.
 */
export function crc32(bytes: Uint8Array): number {
  let c = 0xffffffff;
  let i = 0;
  for (; i + 4 <= bytes.length; i += 4) {
    c ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    c = t3[c & 255] ^ t2[(c >>> 8) & 255] ^ t1[(c >>> 16) & 255] ^ t0[c >>> 24];
  }
  for (; i < bytes.length; i++) c = (c >>> 8) ^ t0[(c ^ bytes[i]) & 255];
  return ~c >>> 0;
}
