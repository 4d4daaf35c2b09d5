/** The four words of the generator: plain data, so that a checkpoint can keep and restore it. */
export type RngState = readonly [number, number, number, number];

/** 32-bit avalanche (Wellons' lowbias32): every input bit flips every output bit with probability one half. */
export function mix32(x: number): number {
  let h = x >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Folds strings and integers into one 32-bit key: the order counts. */
export function hashKeys(...keys: readonly (string | number)[]): number {
  let h = 0x9e3779b9;
  const fold = (word: number) => {
    h = mix32(h ^ mix32(word));
  };
  for (const key of keys) {
    if (typeof key === 'number') {
      fold(key >>> 0);
      fold(Math.floor(key / 2 ** 32));
    } else {
      fold(key.length);
      for (let i = 0; i < key.length; i++) fold(key.charCodeAt(i));
    }
  }
  return h;
}

/**
 * Seeded generator (xoshiro128**) whose streams are named, not counted: `new Rng(seed, 'augment', epoch, index)` gives the same
 * numbers whatever else was drawn before, so results do not depend on the order or the number of workers.
 *
 * **Source**: Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021.
 *
 * @example new Rng(0, 'shuffle', epoch).permutation(60000)
 */
export class Rng {
  #s: Uint32Array;

  constructor(...keys: readonly (string | number)[]) {
    const key = hashKeys(...keys);
    this.#s = Uint32Array.from([1, 2, 3, 4], (i) => mix32(key + Math.imul(i, 0x9e3779b9)) || i);
  }

  static fromState(state: RngState): Rng {
    const rng = new Rng();
    rng.#s = Uint32Array.from(state);
    return rng;
  }

  get state(): RngState {
    const [a, b, c, d] = this.#s;
    return [a, b, c, d];
  }

  uint32(): number {
    const s = this.#s;
    const x = Math.imul(s[1], 5);
    const result = Math.imul((x << 7) | (x >>> 25), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return result;
  }

  /** Uniform in [low, high), 53 bits. */
  uniform(low = 0, high = 1): number {
    const unit = ((this.uint32() >>> 5) * 67108864 + (this.uint32() >>> 6)) / 9007199254740992;
    return low + (high - low) * unit;
  }

  /** Normal with the given mean and standard deviation (Box and Muller). */
  normal(mean = 0, std = 1): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return mean + std * radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Uniform integer in [0, n), without modulo bias. */
  int(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** The integers 0 … n − 1 in random order (Fisher and Yates). */
  permutation(n: number): Uint32Array {
    const order = Uint32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.int(i + 1);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }
}
