import { type ElementName, elementTypes, isExtents } from '../element-types.ts';
import { describe } from '../pickle-machine.ts';
import { numpyGlobals } from '../pickle-numpy.ts';
import type { Buildable, PickleContext, PickleFunction, PickleGlobals } from '../pickle-types.ts';
import { makeTensor, StorageType, TorchTensor } from './torch-tensor.ts';

/** Bytes that one entry of a copied dictionary, list or set is counted as. */
const entryBytes = 16;

/** A dictionary, from pairs or from another one: what OrderedDict, Counter and dict are called with. */
function dict(source: unknown, context: PickleContext): Map<unknown, unknown> {
  if (source === undefined) return new Map();
  const pairs = source instanceof Map ? [...source] : source;
  if (!Array.isArray(pairs) || !pairs.every((pair) => Array.isArray(pair) && pair.length === 2))
    return context.fail('a dict or pairs of key and value', describe(source));
  context.spend(pairs.length * entryBytes);
  return new Map(pairs as [unknown, unknown][]);
}

/** Options a script was called with: attributes as a dictionary. */
class Namespace extends Map<unknown, unknown> implements Buildable {
  setState(state: unknown, context: PickleContext): void {
    for (const [name, value] of dict(state, context)) this.set(name, value);
  }
}

function collection(source: unknown, context: PickleContext): unknown[] {
  const items = source instanceof Set ? [...source] : (source ?? []);
  if (!Array.isArray(items)) return context.fail('a list', describe(source));
  context.spend(items.length * entryBytes);
  return [...items];
}

/** `(storage, offset, size, stride, requires_grad, hooks, metadata)`; older ones have fewer. */
const rebuildTensor: PickleFunction = (args, context) => {
  refuseLazyBits(args[6], context);
  return makeTensor(context, args);
};

/** `(storage, offset, size, stride, requires_grad, hooks, dtype, metadata)`: for dtypes that have no storage class. */
const rebuildTensorOfDtype: PickleFunction = (args, context) => {
  refuseLazyBits(args[7], context);
  return makeTensor(context, args, args[6]);
};

function refuseLazyBits(metadata: unknown, context: PickleContext): void {
  if (metadata instanceof Map && [...metadata.values()].some(Boolean))
    context.fail('a tensor that is stored as it is', 'one that is stored negated or conjugated', 'Save tensor.resolve_neg() instead.');
}

/** A parameter is its tensor: whether it trains is the model's business. */
const rebuildParameter: PickleFunction = ([tensor], context) =>
  tensor instanceof TorchTensor ? tensor : context.fail('the tensor of a parameter', describe(tensor));

const rebuilders = new Set<unknown>([rebuildTensor, rebuildTensorOfDtype, rebuildParameter]);

/** `(function, class, arguments, attributes)`: a tensor with attributes of its own, which are dropped. */
const rebuildFromType: PickleFunction = ([rebuild, , args], context) => {
  if (!rebuilders.has(rebuild)) return context.fail('a function that rebuilds a tensor', describe(rebuild));
  return (rebuild as PickleFunction)(Array.isArray(args) ? args : context.fail('its arguments', describe(args)), context);
};

const size: PickleFunction = ([extents], context) => (isExtents(extents) ? extents : context.fail('a shape', describe(extents)));

const device: PickleFunction = ([type, index], context) => {
  if (typeof type !== 'string') return context.fail('the name of a device', describe(type));
  return typeof index === 'number' ? `${type}:${index}` : type;
};

const storageClasses: Readonly<Record<string, ElementName>> = {
  Half: 'float16',
  BFloat16: 'bfloat16',
  Float: 'float32',
  Double: 'float64',
  Char: 'int8',
  Short: 'int16',
  Int: 'int32',
  Long: 'int64',
  Byte: 'uint8',
  Bool: 'bool',
};
const storageEntries = Object.entries(storageClasses).flatMap(([name, element]): [string, unknown][] => {
  const type = new StorageType(element);
  return [
    [`torch.${name}Storage`, type],
    [`torch.cuda.${name}Storage`, type],
  ];
});
const untypedEntries = [
  'UntypedStorage',
  'storage.UntypedStorage',
  'storage._UntypedStorage',
  'storage.TypedStorage',
  'storage._TypedStorage',
];

const inPython2And3 = (name: string, value: unknown): [string, unknown][] => [
  [`builtins.${name}`, value],
  [`__builtin__.${name}`, value],
];

/**
 * Every name that a file of weights may mention: tensors, parameters, storages, dtypes, plain containers, NumPy numbers, and the options
 * of the script that trained. All are data; none runs anything.
 *
 * **Source**: `torch._utils` and `torch._weights_only_unpickler`, torch 1.0 to 2.x.
 */
export const torchGlobals: PickleGlobals = new Map<string, unknown>([
  ['torch._utils._rebuild_tensor', rebuildTensor],
  ['torch._utils._rebuild_tensor_v2', rebuildTensor],
  ['torch._utils._rebuild_tensor_v3', rebuildTensorOfDtype],
  ['torch._utils._rebuild_parameter', rebuildParameter],
  ['torch._utils._rebuild_parameter_with_state', rebuildParameter],
  ['torch.nn.parameter.Parameter', rebuildParameter],
  ['torch.nn.parameter.Buffer', rebuildParameter],
  ['torch._tensor._rebuild_from_type_v2', rebuildFromType],
  ['torch.Tensor', 'torch.Tensor'],
  ['torch.Size', size],
  ['torch.device', device],
  ...Object.keys(elementTypes).map((name): [string, unknown] => [`torch.${name}`, name]),
  ...storageEntries,
  ...untypedEntries.map((name): [string, unknown] => [`torch.${name}`, new StorageType()]),
  ['collections.OrderedDict', ([source]: unknown[], context: PickleContext) => dict(source, context)],
  ['collections.Counter', ([source]: unknown[], context: PickleContext) => dict(source, context)],
  // Called with the factory of missing values, which no file needs.
  ['collections.defaultdict', ([, source]: unknown[], context: PickleContext) => dict(source, context)],
  ['argparse.Namespace', () => new Namespace()],
  ...inPython2And3('dict', ([source]: unknown[], context: PickleContext) => dict(source, context)),
  ...inPython2And3('list', ([source]: unknown[], context: PickleContext) => collection(source, context)),
  ...inPython2And3('set', ([source]: unknown[], context: PickleContext) => new Set(collection(source, context))),
  ...inPython2And3('frozenset', ([source]: unknown[], context: PickleContext) => new Set(collection(source, context))),
  ...inPython2And3('int', 'int'),
  ...inPython2And3('float', 'float'),
  ...numpyGlobals,
]);
