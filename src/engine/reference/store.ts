import { EngineError } from '../../core/errors.ts';
import type { NdArray, StateDict } from '../../core/ndarray.ts';
import type { BackendStore } from '../engine.ts';

/** Parameters and states as plain arrays that programs read and overwrite. */
export class ReferenceStore implements BackendStore {
  readonly #arrays = new Map<string, NdArray<'f32'>>();

  load(state: StateDict): void {
    const stranger = [...state].find(([, array]) => array.dtype !== 'f32');
    if (stranger) throw new EngineError({ where: 'load', expected: `'${stranger[0]}' as f32`, got: stranger[1].dtype });
    for (const [name, { shape, data }] of state)
      this.#arrays.set(name, { dtype: 'f32', shape, data: Float32Array.from(data as Float32Array) });
  }

  read(names: readonly string[] = [...this.#arrays.keys()]): StateDict {
    return new Map(
      names.map((name) => {
        const array = this.#arrays.get(name);
        if (!array) throw new EngineError({ where: 'read', expected: `'${name}' in the store`, got: 'nothing' });
        return [name, { ...array, data: array.data.slice() }];
      }),
    );
  }

  get(name: string): NdArray<'f32'> | undefined {
    return this.#arrays.get(name);
  }

  get bytes(): number {
    return [...this.#arrays.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
  }
}
