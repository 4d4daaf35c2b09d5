import { type Binding, created, type Handle, type VersionNumbers } from './binding.ts';
import type { CommonCalls } from './common-calls.ts';

const SCRATCHPAD_BY_USER = 1;

/** What a primitive does to its result: adds `scale` times what lies there already, or a function of each element. */
export type PostOp =
  | { readonly algorithm: 'sum'; readonly scale: number }
  | { readonly algorithm: keyof VersionNumbers['eltwise']; readonly alpha?: number; readonly beta?: number };

/** Attributes of primitives, with a caller's scratchpad: made once for each list of operations. */
export class Attributes {
  readonly #call: CommonCalls;
  readonly #binding: Binding;
  readonly #known = new Map<string, Handle>();

  constructor(call: CommonCalls, binding: Binding) {
    this.#call = call;
    this.#binding = binding;
  }

  of(postOps: readonly PostOp[]): Handle {
    const key = JSON.stringify(postOps);
    const attr = this.#known.get(key) ?? this.#make(postOps);
    this.#known.set(key, attr);
    return attr;
  }

  close(): void {
    for (const attr of this.#known.values()) this.#call.attrDestroy(attr);
    this.#known.clear();
  }

  #make(postOps: readonly PostOp[]): Handle {
    const attr = created(this.#call.attrCreate);
    this.#call.attrScratchpad(attr, SCRATCHPAD_BY_USER);
    const list = created(this.#call.postOpsCreate);
    for (const op of postOps)
      if (op.algorithm === 'sum') this.#binding.appendSum(list, op.scale);
      else this.#binding.appendEltwise(list, this.#binding.numbers.eltwise[op.algorithm], op.alpha ?? 0, op.beta ?? 0);
    this.#call.attrPostOps(attr, list);
    this.#call.postOpsDestroy(list);
    return attr;
  }
}
