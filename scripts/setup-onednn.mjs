// Makes oneDNN available without root: if the system has none, Debian's or Ubuntu's own package is unpacked into `.fovea/onednn`.
// `npm run setup`; `--require` makes a missing library an error.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inRoot } from './steps.mjs';

const home = inRoot('.fovea', 'onednn');
const scratch = inRoot('.fovea', 'onednn.partial');
const timeLimitMs = 180_000;

const howTo = {
  linux: 'apt install libdnnl2 (Debian 12), apt install libdnnl3.6 (Debian 13) or conda install -c conda-forge onednn',
  darwin: 'brew install onednn',
  win32: 'vcpkg install onednn or conda install -c conda-forge onednn',
};
const advice = `Install it with: ${howTo[process.platform] ?? 'conda install -c conda-forge onednn'}; or set FOVEA_ONEDNN=path of the library.`;

const libraryName = /^(libdnnl\.so\.[23](\..*)?|libdnnl(\.[23].*)?\.dylib|dnnl\.dll)$/;
const isMissingOrUnreadable = (error) => ['ENOENT', 'ENOTDIR', 'EACCES'].includes(error.code);

function namesIn(folder, recursive = false) {
  try {
    return readdirSync(folder, { recursive });
  } catch (error) {
    if (isMissingOrUnreadable(error)) return [];
    throw error;
  }
}

const baseName = (path) => path.split(/[\\/]/).at(-1);
const libraryIn = (folder, recursive) =>
  namesIn(folder, recursive)
    .filter((name) => libraryName.test(baseName(name)))
    .map((name) => join(folder, name))
    .find(existsSync);

/** A libdnnl that the system's loader finds, or that lies where such libraries are installed. */
function systemLibrary() {
  const listed = spawnSync('ldconfig', ['-p'], { encoding: 'utf8', env: { ...process.env, PATH: `${process.env.PATH}:/sbin:/usr/sbin` } });
  const cached = (listed.stdout ?? '')
    .split('\n')
    .map((line) => line.split(' => '))
    .find(([name, path]) => path && libraryName.test(name.trim().split(' ')[0]) && existsSync(path));
  if (cached) return cached[1];
  const searched = process.platform === 'win32' ? process.env.PATH : process.env.LD_LIBRARY_PATH;
  const conda = process.env.CONDA_PREFIX;
  const folders = [
    ...(searched ?? '').split(delimiter).filter(Boolean),
    ...(conda ? [join(conda, 'lib'), join(conda, 'Library', 'bin')] : []),
    ...['/usr/lib', '/usr/lib64', '/usr/local/lib', '/usr/local/lib64', '/opt/homebrew/lib'],
  ];
  return folders.map((folder) => libraryIn(folder)).find(Boolean);
}

const deadline = { at: 0 };

/** Runs a package tool quietly; what it printed, or an error whose message is its last line. */
function call(program, args, { cwd = scratch, anyStatus = false } = {}) {
  const timeout = deadline.at - Date.now();
  if (timeout <= 0) throw new Error(`not done within ${timeLimitMs / 1000} s`);
  const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: 'utf8', timeout, env });
  if (error?.code === 'ETIMEDOUT') throw new Error(`${program} ${args[0]} was not done within ${timeLimitMs / 1000} s`);
  if (error) throw error;
  if (status !== 0 && !anyStatus) throw new Error(`${program}: ${stderr.trim().split('\n').at(-1) || `status ${status}`}`);
  return stdout;
}

/** apt's options for package lists and caches of our own, so that no root is needed and the system's stay as they are. */
const ownLists = () =>
  Object.entries({
    'Dir::State::Lists': join(scratch, 'lists'),
    'Dir::Cache': join(scratch, 'cache'),
    'Dir::Log': scratch,
    'Acquire::Languages': 'none',
    'Acquire::Retries': '0',
    'Acquire::http::Timeout': '20',
    'Acquire::https::Timeout': '20',
    'APT::Sandbox::User': '',
  }).flatMap(([key, value]) => ['-o', `${key}=${value}`]);

/** Packages to fetch: the newest libdnnl of this release and whatever of its dependencies is not installed. */
function packagesToFetch(options) {
  const version = (name) =>
    name
      .match(/[\d.]+$/)[0]
      .split('.')
      .map(Number);
  const found = call('apt-cache', [...options, 'search', '--names-only', '^libdnnl[0-9.]+$'])
    .split('\n')
    .map((line) => line.split(' ')[0])
    .filter(Boolean)
    .sort((a, b) => version(a)[0] - version(b)[0] || (version(a)[1] ?? 0) - (version(b)[1] ?? 0));
  const library = found.at(-1);
  if (!library) throw new Error('no package libdnnl in the package lists');
  // A simulated install lets apt itself resolve the dependencies; `Inst name [old version] …` is only an upgrade.
  const plan = call('apt-get', [...options, '--simulate', '--no-install-recommends', 'install', library]);
  const missing = [...plan.matchAll(/^Inst (\S+) \(/gm)].map((match) => match[1]);
  return [...new Set([library, ...missing])];
}

function unpack(options) {
  const packages = packagesToFetch(options);
  const debs = join(scratch, 'debs');
  mkdirSync(debs, { recursive: true });
  call('apt-get', [...options, 'download', ...packages], { cwd: debs });
  for (const deb of namesIn(debs)) call('dpkg-deb', ['-x', join(debs, deb), join(scratch, 'files')]);
  if (!libraryIn(join(scratch, 'files'), true)) throw new Error(`${packages[0]} holds no libdnnl`);
  rmSync(home, { recursive: true, force: true });
  mkdirSync(dirname(home), { recursive: true });
  renameSync(join(scratch, 'files'), home);
  return packages;
}

/** Fetches with the system's package lists if they serve, else with fresh ones of our own. */
function fetchWithApt() {
  deadline.at = Date.now() + timeLimitMs;
  rmSync(scratch, { recursive: true, force: true });
  for (const folder of ['lists/partial', 'cache/archives/partial']) mkdirSync(join(scratch, folder), { recursive: true });
  try {
    try {
      return unpack(ownLists().slice(2));
    } catch {
      // Sources that do not answer make the update fail as a whole; the others have been read all the same.
      call('apt-get', [...ownLists(), 'update'], { anyStatus: true });
      return unpack(ownLists());
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

const hasApt = () => ['apt-get', 'apt-cache', 'dpkg-deb'].every((tool) => !spawnSync(tool, ['--version']).error);

/** Prints one line and returns whether oneDNN is there. */
export async function setupOnednn() {
  const given = process.env.FOVEA_ONEDNN || undefined;
  const present = given ?? systemLibrary() ?? libraryIn(home, true);
  if (present) {
    console.log(`oneDNN: ${present}${given ? ' (FOVEA_ONEDNN)' : ''}`);
    return true;
  }
  if (!hasApt()) {
    console.log(`oneDNN: not found, going on with the portable engine, which is much slower. ${advice}`);
    return false;
  }
  try {
    console.log(`oneDNN: not found, fetching it with apt into ${home} …`);
    const packages = fetchWithApt();
    console.log(`oneDNN: ${libraryIn(home, true)} (from ${packages.join(', ')})`);
    return true;
  } catch (error) {
    console.log(`oneDNN: not found (${error.message}), going on with the portable engine, which is much slower. ${advice}`);
    return false;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const found = await setupOnednn();
  if (!found && process.argv.includes('--require')) process.exit(1);
}
