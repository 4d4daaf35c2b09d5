import { refuse } from '../bytes.ts';
import { elementTypes } from '../element-types.ts';
import { readPickle } from '../pickle.ts';
import { describe } from '../pickle-machine.ts';
import { formatName, type PickleContext, type PickleOptions } from '../pickle-types.ts';
import { torchGlobals } from './torch-globals.ts';
import { StorageType, TorchStorage } from './torch-tensor.ts';
import { openZip } from './zip.ts';

const options: PickleOptions = {
  globals: torchGlobals,
  allows: 'only tensors and plain values',
  advice: 'Nothing in the file was executed. Save model.state_dict() rather than objects of a program.',
};

const bigEndian = (file: string): never =>
  refuse(file, 'little-endian numbers', 'big-endian ones', 'Load and save it with PyTorch on a little-endian machine.');

/** What stands for a storage in the pickle: `('storage', class, key, location, numel)`, and in the old form a view. */
function parseStorageId(id: unknown, context: PickleContext) {
  const [kind, type, key, , length, view] = Array.isArray(id) ? id : [undefined];
  if (kind !== 'storage') return context.fail('a reference to a storage', Array.isArray(id) ? `one to a ${describe(kind)}` : describe(id));
  if (!(type instanceof StorageType)) return context.fail('a class of storages', describe(type));
  if (typeof key !== 'string') return context.fail('the key of a storage', describe(key));
  if (!Number.isSafeInteger(length) || length < 0) return context.fail('the length of a storage', describe(length));
  const itemBytes = type.element ? elementTypes[type.element].bytes : 1;
  return { type, key, itemBytes, byteLength: length * itemBytes, view };
}

/** The zip form of PyTorch 1.6 and later: the object is pickled in `data.pkl`, each storage is an entry of its own. */
export function readZipForm(bytes: Uint8Array, file: string): unknown {
  const zip = openZip(bytes, file);
  const folder = zip.names.map((name) => /^([^/]+\/)data\.pkl$/.exec(name)?.[1]).find((name) => name !== undefined);
  if (zip.names.includes(`${folder}constants.pkl`))
    refuse(file, 'a state dict', 'a TorchScript program', 'Save it with torch.save(torch.jit.load(file).state_dict(), …).');
  const pickle = folder && zip.read(`${folder}data.pkl`);
  if (!pickle)
    return refuse(file, 'an entry data.pkl, as torch.save writes it', zip.names.slice(0, 3).map(formatName).join(', ') || 'none');
  const order = zip.read(`${folder}byteorder`);
  if (order && new TextDecoder().decode(order).trim() === 'big') bigEndian(file);
  const storages = new Map<string, TorchStorage>();
  return readPickle(pickle, {
    ...options,
    file: `${file}: data.pkl`,
    persistentLoad(id, context) {
      const { type, key, byteLength } = parseStorageId(id, context);
      const known = storages.get(key);
      if (known && known.element === type.element && known.byteLength === byteLength) return known;
      const data = known?.bytes() ?? zip.read(`${folder}data/${key}`) ?? context.fail(`an entry data/${formatName(key)}`, 'none');
      if (data.length !== byteLength)
        context.fail(`${byteLength} bytes in data/${formatName(key)}`, `${data.length}`, 'The file is damaged.');
      const storage = new TorchStorage(formatName(key), type.element, byteLength, () => data);
      storages.set(key, storage);
      return storage;
    },
  }).value;
}

/** An 80-bit number that the old form begins with, and the only version of it. */
const magicNumber = 0x1950a86a20f9469cfc6cn;
const protocolVersion = 1001;

/** What PyTorch wrote before 0.1.10. */
export const isTar = (bytes: Uint8Array): boolean => new TextDecoder().decode(bytes.subarray(257, 262)) === 'ustar';

/** The old form: five pickles (magic number, version, system, object, keys), then each storage behind its length. */
export function readOldForm(bytes: Uint8Array, file: string): unknown {
  if (isTar(bytes))
    refuse(file, 'a file of PyTorch 0.1.10 or later', 'a tar file of an earlier one', 'Load and save it with a newer PyTorch.');
  let at = 0;
  const next = (more?: Partial<PickleOptions>): unknown => {
    const { value, end } = readPickle(bytes, { ...options, ...more, file, start: at });
    at = end;
    return value;
  };
  const magic = next();
  if (magic !== magicNumber)
    refuse(file, 'the magic number of torch.save', `a pickle of ${describe(magic)}`, 'Save it with torch.save(model.state_dict(), file).');
  const version = next();
  if (version !== protocolVersion) refuse(file, `version ${protocolVersion} of the old form`, describe(version));
  const system = next();
  if (system instanceof Map && system.get('little_endian') === false) bigEndian(file);

  const declared = new Map<string, { byteLength: number; itemBytes: number }>();
  const data = new Map<string, Uint8Array>();
  const value = next({
    persistentLoad(id, context) {
      const { type, key, itemBytes, byteLength, view } = parseStorageId(id, context);
      if (!declared.has(key)) declared.set(key, { byteLength, itemBytes });
      if (declared.get(key)!.byteLength !== byteLength) context.fail(`one length of storage ${formatName(key)}`, 'two');
      const whole = () => data.get(key)!;
      if (!Array.isArray(view)) return new TorchStorage(formatName(key), type.element, byteLength, whole);
      const [start, end] = [view[1] * itemBytes, (view[1] + view[2]) * itemBytes];
      if (!(start >= 0 && start <= end && end <= byteLength))
        context.fail(`a view inside storage ${formatName(key)}`, `${start} to ${end}`);
      return new TorchStorage(formatName(key), type.element, end - start, () => whole().subarray(start, end));
    },
  });

  const keys = next();
  if (!Array.isArray(keys)) return refuse(file, 'the keys of the storages', describe(keys));
  for (const key of keys) {
    const where = `${file}, byte ${at}`;
    const storage = declared.get(key);
    if (!storage || data.has(key)) return refuse(where, 'a storage that a tensor uses', `key ${describe(key)}`);
    const { byteLength, itemBytes } = storage;
    if (bytes.length - at < 8 + byteLength)
      refuse(where, `8 + ${byteLength} bytes of storage ${formatName(key)}`, `${bytes.length - at}`, 'The file is cut short.');
    const count = new DataView(bytes.buffer, bytes.byteOffset + at, 8).getBigUint64(0, true);
    if (count !== BigInt(byteLength / itemBytes))
      refuse(where, `${byteLength / itemBytes} elements in storage ${formatName(key)}`, `${count}`, 'The file is damaged.');
    data.set(key, bytes.subarray(at + 8, at + 8 + byteLength));
    at += 8 + byteLength;
  }
  const missing = [...declared.keys()].find((key) => !data.has(key));
  if (missing !== undefined) refuse(file, `the numbers of storage ${formatName(missing)}`, 'none', 'The file is cut short.');
  if (at !== bytes.length) refuse(`${file}, byte ${at}`, 'the end of the file', `${bytes.length - at} more bytes`);
  return value;
}
