/** The nearest rows found so far, sorted, `size` to a query; of equal distances the row that came first. */
export class Candidates {
  readonly size: number;
  readonly indices: Int32Array;
  readonly #distances: Float64Array;

  constructor(queryCount: number, size: number) {
    this.size = size;
    this.indices = new Int32Array(queryCount * size).fill(-1);
    this.#distances = new Float64Array(queryCount * size).fill(Number.POSITIVE_INFINITY);
  }

  /** A row must be nearer than this to count. */
  limit(query: number): number {
    return this.#distances[(query + 1) * this.size - 1];
  }

  insert(query: number, distance: number, row: number): void {
    const base = query * this.size;
    let i = base + this.size - 1;
    for (; i > base && this.#distances[i - 1] > distance; i--) {
      this.#distances[i] = this.#distances[i - 1];
      this.indices[i] = this.indices[i - 1];
    }
    this.#distances[i] = distance;
    this.indices[i] = row;
  }

  of(query: number): Int32Array {
    return this.indices.subarray(query * this.size, (query + 1) * this.size);
  }
}
