/**
 * IEEE 754 half precision to single, exactly: subnormals, signed zeros, infinities and NaN included.
 *
 * **Source**: IEEE 754-2008, binary16.
 */
export function halfToSingle(halves: Uint16Array): Float32Array<ArrayBuffer> {
  const singles = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) {
    const h = halves[i];
    const sign = h & 0x8000 ? -1 : 1;
    const exponent = (h >> 10) & 31;
    const fraction = h & 1023;
    if (exponent === 31) singles[i] = fraction ? Number.NaN : sign * Infinity;
    else if (exponent === 0) singles[i] = sign * fraction * 2 ** -24;
    else singles[i] = sign * (1024 + fraction) * 2 ** (exponent - 25);
  }
  return singles;
}

/** bfloat16 to single, exactly: a bfloat16 is the upper half of a single. */
export function bfloat16ToSingle(halves: Uint16Array): Float32Array<ArrayBuffer> {
  return new Float32Array(Uint32Array.from(halves, (h) => h << 16).buffer);
}
