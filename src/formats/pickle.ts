import { PickleMachine } from './pickle-machine.ts';
import { instructions } from './pickle-opcodes.ts';
import type { PickleOptions } from './pickle-types.ts';

export type { Buildable, PickleContext, PickleFunction, PickleGlobals, PickleOptions } from './pickle-types.ts';

const defaultMaxInstructions = 2_000_000;

/**
 * Reads a Python pickle as data: nothing in it is executed, and every name that the caller does not allow is refused by name.
 *
 * None, bool, int, float, str, bytes, list, tuple, dict and set become `null`, boolean, number (`bigint` beyond 2⁵³), number, string,
 * `Uint8Array` (a view of the file), array, array, `Map` and `Set`. Python 2's str becomes a string if it is ASCII, else bytes. Values may
 * be shared and even contain themselves, as in Python: whoever walks them keeps count.
 *
 * - `bytes`: the file, with the pickle beginning at `start`.
 * - `globals`: the allow-list: `module.name` → a function that makes the value, or a constant.
 *
 * Returns the value and `end`, the offset behind the pickle.
 *
 * **Throws** `FormatError` naming the file and the byte: another name than those allowed, an instruction that does not exist or does not
 * fit the stack, a length beyond the end, more instructions than `maxInstructions`, values out of proportion to the file.
 * **Source**: CPython, `pickletools`: protocols 0 to 5, without extension codes and out-of-band buffers.
 *
 * @example readPickle(bytes, { globals: new Map([['torch.Size', ([size]) => size]]) }).value
 */
export function readPickle(bytes: Uint8Array, options: PickleOptions): { value: unknown; end: number } {
  const machine = new PickleMachine(bytes, options);
  const limit = options.maxInstructions ?? defaultMaxInstructions;
  for (let count = 0; !machine.stopped; count++) {
    machine.instructionAt = machine.at;
    const code = machine.u8();
    if (count === limit) machine.fail(`at most ${limit} instructions`, 'more', 'The file is made to exhaust memory.');
    const run = instructions[code] ?? machine.fail('an instruction of pickle', `byte 0x${code.toString(16)}`, 'The file is damaged.');
    run(machine);
  }
  return { value: machine.pop(), end: machine.at };
}
