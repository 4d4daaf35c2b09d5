import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import koffi, { type LibraryHandle } from 'koffi';
import { EngineError, messageOf } from '../../core/errors.ts';

/** An opened oneDNN and what is known about it. */
export interface Library {
  readonly lib: LibraryHandle;
  readonly file: string;
  readonly version: string;
  readonly major: number;
}

/** One place that was looked at, and why it did not serve. */
export interface Attempt {
  readonly file: string;
  readonly reason: string;
}

/** Names the dynamic loader may know the library by: newest first. */
const SONAMES: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  linux: ['libdnnl.so.3', 'libdnnl.so.3.7', 'libdnnl.so.3.6', 'libdnnl.so.3.8', 'libdnnl.so.3.9', 'libdnnl.so.2', 'libdnnl.so'],
  darwin: [
    'libdnnl.dylib',
    'libdnnl.3.dylib',
    'libdnnl.2.dylib',
    '/opt/homebrew/lib/libdnnl.dylib',
    '/usr/local/lib/libdnnl.dylib',
    '/opt/local/lib/libdnnl.dylib',
  ],
  win32: ['dnnl.dll', 'libdnnl.dll'],
};

/** Libraries that a copy beside the project needs and that the system may lack: opened first, so that the loader finds them by name. */
const COMPANIONS = ['libgomp.so.1', 'libOpenCL.so.1'];

const OPENMP: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  linux: ['libgomp.so.1'],
  darwin: ['libomp.dylib', '/opt/homebrew/opt/libomp/lib/libomp.dylib', '/usr/local/opt/libomp/lib/libomp.dylib'],
  win32: ['vcomp140.dll', 'libiomp5md.dll'],
};

export const INSTALL_HINT =
  'Install it with: npm run setup; or apt install libdnnl2 (Debian 12), apt install libdnnl3.6 (Debian 13), brew install onednn (macOS), ' +
  'vcpkg install onednn (Windows); or set FOVEA_ONEDNN to the file';

/** Copies that `npm run setup` puts into `.fovea/onednn` of the project, or of the folder the command runs in. */
function localCopies(): string[] {
  const project = fileURLToPath(new URL('../../..', import.meta.url));
  const roots = [...new Set([project, process.cwd()])].map((root) => join(root, '.fovea', 'onednn')).filter(existsSync);
  return roots.flatMap((root) =>
    readdirSync(root, { recursive: true, encoding: 'utf8' })
      .filter((name) => /(^|[\\/])libdnnl\.so\.\d/.test(name))
      .sort()
      .map((name) => join(root, name)),
  );
}

/**
 * Finds and opens oneDNN: the file that `FOVEA_ONEDNN` names, else a copy in `.fovea/onednn`, else the system's library under its usual names.
 *
 * **Throws** `EngineError` if `FOVEA_ONEDNN` does not name a usable library, or nothing was found; the message lists what was tried.
 */
export function loadLibrary(): Library {
  const forced = process.env.FOVEA_ONEDNN;
  if (forced) {
    const found = open(forced);
    if ('lib' in found) return found;
    throw new EngineError({
      where: `FOVEA_ONEDNN=${forced}`,
      expected: 'the file of a oneDNN 2.x or 3.x library',
      got: found.reason,
      hint: 'Correct the path, or unset the variable to search the usual places',
    });
  }
  const attempts: Attempt[] = [];
  for (const file of [...localCopies(), ...(SONAMES[process.platform] ?? [])]) {
    const found = open(file);
    if ('lib' in found) return found;
    attempts.push(found);
  }
  const tried = attempts.map(({ file, reason }) => `${file} (${reason})`).join('; ');
  throw new EngineError({ where: 'oneDNN', expected: 'libdnnl 2.x or 3.x', got: `none; tried ${tried || 'nothing'}`, hint: INSTALL_HINT });
}

function open(file: string): Library | Attempt {
  try {
    if (file.includes('.fovea')) openCompanions(dirname(file));
    const lib = koffi.load(file);
    keepLoaded(file);
    const { major, minor, patch } = readVersion(lib);
    if (major !== 2 && major !== 3) return { file, reason: `version ${major}.${minor}.${patch} is not supported` };
    return { lib, file: loadedFile(lib) ?? file, major, version: `${major}.${minor}.${patch}` };
  } catch (error) {
    return { file, reason: shortReason(messageOf(error)) };
  }
}

/** The loader's own words without the library's name, which is printed beside them anyway. */
const shortReason = (message: string): string => message.replace(/^Failed to load shared library: /, '').replace(/^[^:]*: /, '');

function openCompanions(folder: string): void {
  for (const name of COMPANIONS) {
    const copy = join(folder, name);
    if (existsSync(copy)) koffi.load(copy, { global: true });
  }
}

/**
 * Takes a reference to a library that nobody gives back. Koffi unloads what it loaded when its thread ends, but OpenMP's idle threads go on
 * waiting inside that code: unmapping it under them ends the process with a segmentation fault.
 */
function keepLoaded(file: string): void {
  const RTLD_LAZY = 1;
  if (process.platform === 'win32') koffi.load('kernel32.dll').func('LoadLibraryA', 'void*', ['str'])(file);
  else koffi.load(null).func('dlopen', 'void*', ['str', 'int'])(file, RTLD_LAZY);
}

let addressStruct: ReturnType<typeof koffi.struct> | undefined;

/** The file that the loader took for a name like `libdnnl.so.2`; undefined on Windows, whose loader has no such question. */
function loadedFile(lib: LibraryHandle): string | undefined {
  if (process.platform === 'win32') return undefined;
  addressStruct ??= koffi.struct({ file: 'str', base: 'void*', symbol: 'str', address: 'void*' });
  const dladdr = koffi.load(null).func('dladdr', 'int', ['void*', koffi.out(koffi.pointer(addressStruct))]);
  const found = {} as { file?: string };
  return dladdr(lib.symbol('dnnl_version'), found) ? found.file : undefined;
}

let versionStruct: ReturnType<typeof koffi.struct> | undefined;

function readVersion(lib: LibraryHandle): { major: number; minor: number; patch: number } {
  versionStruct ??= koffi.struct({ major: 'int', minor: 'int', patch: 'int' });
  const pointer = lib.func('dnnl_version', 'void*', [])();
  return koffi.decode(pointer, versionStruct) as { major: number; minor: number; patch: number };
}

/**
 * Sets the number of OpenMP threads for primitives run from the calling thread.
 *
 * @returns The threads that will be used; where the OpenMP runtime cannot be opened, what it takes by itself: every core.
 */
export function setThreads(threads: number): number {
  for (const name of OPENMP[process.platform] ?? []) {
    try {
      const omp = koffi.load(name);
      keepLoaded(name);
      omp.func('omp_set_num_threads', 'void', ['int'])(threads);
      return omp.func('omp_get_max_threads', 'int', [])() as number;
    } catch {
      // Another name may serve.
    }
  }
  return availableParallelism();
}
