import type { StateDict } from '../../core/ndarray.ts';
import { formatBytes, refuse } from '../bytes.ts';
import { describe } from '../pickle-machine.ts';
import { formatName } from '../pickle-types.ts';
import { isTar, readOldForm, readZipForm } from './forms.ts';
import { type PlainValue, toPlain } from './plain-values.ts';
import { TorchTensor, toNdArray } from './torch-tensor.ts';

export type { PlainValue } from './plain-values.ts';

/** What a file of `torch.save` holds. */
export interface Pth {
  /** In the order of the file. */
  tensors: StateDict;
  /** What stands beside the tensors (epoch, accuracy, options), as far as it is plain. */
  metadata: Record<string, PlainValue>;
}

/** Names under which training scripts nest the state dict, most telling first. */
const wrappers = ['state_dict', 'model_state_dict', 'model_state', 'model', 'net', 'network', 'module', 'weights', 'params'];
const maxNesting = 4;
/** What `DataParallel` puts before every name. */
const parallelPrefix = 'module.';
const advice = 'Save it with torch.save(model.state_dict(), file).';

type Dict = Map<unknown, unknown>;
const hasTensors = (value: unknown): value is Dict => value instanceof Map && [...value.values()].some((v) => v instanceof TorchTensor);

/** The state dict in a value, and the dictionaries around it from the outside in. */
function findStateDict(value: unknown, file: string, depth = 0): { found: Dict; around: Dict[] } | undefined {
  if (!(value instanceof Map) || depth > maxNesting) return undefined;
  for (const name of wrappers) {
    const inner = findStateDict(value.get(name), file, depth + 1);
    if (inner) return { found: inner.found, around: [value, ...inner.around] };
  }
  if (hasTensors(value)) return { found: value, around: [] };
  const candidates = [...value].filter(([, inner]) => hasTensors(inner));
  if (candidates.length > 1)
    refuse(
      file,
      'one state dict',
      `several: ${candidates
        .map(([name]) => formatName(String(name)))
        .slice(0, 8)
        .join(', ')}`,
      'Save the one you want alone.',
    );
  return candidates.length ? { found: candidates[0][1] as Dict, around: [value] } : undefined;
}

/** Notes of the dictionaries around the weights and among them; the outer ones win where names meet. */
function collectMetadata(found: Dict, around: readonly Dict[]): Record<string, PlainValue> {
  const weights = new Set<unknown>([found, ...around]);
  const notes = new Map<string, PlainValue>();
  for (const dict of [found, ...[...around].reverse()])
    for (const [name, value] of dict) {
      const plain = weights.has(value) || (dict === found && value instanceof TorchTensor) ? undefined : toPlain(value);
      if (typeof name === 'string' && plain !== undefined) notes.set(name, plain);
    }
  return Object.fromEntries(notes);
}

/**
 * Reads weights that PyTorch saved with `torch.save`: a state dict, bare or in a checkpoint.
 *
 * Both forms are read, the zip file of PyTorch 1.6 and later and the older one. A state dict nested under a usual name (`state_dict`,
 * `model`, …), or the only one in the file, is taken; `module.` before every name (from `DataParallel`) is removed. The file's pickle is
 * read by an allow-list: nothing in it is executed.
 *
 * - `bytes`: the whole file; the tensors are copies, each contiguous, also where the file shares or transposes them.
 * - `file`: what messages call it.
 *
 * Numerics: float64, float32, int64, int32 and uint8 are kept; float16 and bfloat16 become `f32`, int8, int16 and uint16 `i32`, bool `u8`, exactly.
 *
 * **Throws** `FormatError` naming the file, the byte or entry: cut short, damaged, big-endian, a name outside the allow-list, compressed or
 * overlapping zip entries, sizes out of proportion to the file, no state dict or several.
 * **Source**: PyTorch, `torch.serialization`; keys as `torch.nn.Module.state_dict`.
 *
 * @example readPth(await readFile(path), path).tensors.get('features.0.weight')
 */
export function readPth(bytes: Uint8Array, file = 'pth'): Pth {
  if (!isPth(bytes))
    refuse(
      file,
      'a file of torch.save (a zip file or a pickle)',
      bytes.length ? `one that begins with ${formatBytes(bytes.subarray(0, 4))}` : 'an empty one',
    );
  const value = isZip(bytes) ? readZipForm(bytes, file) : readOldForm(bytes, file);
  const { found, around } =
    findStateDict(value, file) ?? refuse(file, 'a state dict: names with their tensors', describeRoot(value), advice);
  const entries: [string, TorchTensor][] = [];
  for (const [name, tensor] of found) {
    if (!(tensor instanceof TorchTensor)) continue;
    if (typeof name !== 'string') return refuse(file, 'tensors that have names', `one under ${describe(name)}`, advice);
    entries.push([name, tensor]);
  }
  const cut = entries.every(([name]) => name.startsWith(parallelPrefix)) ? parallelPrefix.length : 0;
  const allowance = { bytes: 16 * bytes.length + 2 ** 24 };
  const tensors: StateDict = new Map();
  for (const [name, tensor] of entries) tensors.set(name.slice(cut), toNdArray(tensor, `${file}: ${formatName(name)}`, allowance));
  return { tensors, metadata: collectMetadata(found, around) };
}

const describeRoot = (value: unknown): string => {
  if (value instanceof TorchTensor) return 'a single tensor';
  return value instanceof Map
    ? `a dict without (${[...value.keys()]
        .slice(0, 8)
        .map((key) => formatName(String(key)))
        .join(', ')})`
    : describe(value);
};

const isZip = (bytes: Uint8Array): boolean => bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;

/** Whether bytes begin like a file of `torch.save`, in either form. */
export const isPth = (bytes: Uint8Array): boolean => isZip(bytes) || (bytes[0] === 0x80 && bytes[1] <= 5) || isTar(bytes);
