// The steps that `npm start`, `npm test` and `npm run bench` share. Plain JavaScript: it runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const inRoot = (...parts) => join(root, ...parts);

/** Ends the script with one message and a status. */
export function stop(message, status = 1) {
  console.error(message);
  process.exit(status);
}

/** Ends with a message unless this Node is at least `minimum` (`major.minor`). */
export function requireNode(minimum) {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const [needMajor, needMinor] = minimum.split('.').map(Number);
  if (major > needMajor || (major === needMajor && minor >= needMinor)) return;
  stop(`Fovea needs Node ${minimum} or newer, this is ${process.versions.node}. Install a newer one from nodejs.org or with nvm.`);
}

/** Runs a program in the project's root on this terminal and returns its status; a signal counts as 128 + its number, as in a shell. */
export function run(program, args, options = {}) {
  const { status, signal, error } = spawnSync(program, args, { cwd: root, stdio: 'inherit', ...options });
  if (error) {
    console.error(`${program}: ${error.message}`);
    return 1;
  }
  return signal === 'SIGINT' ? 130 : signal ? 143 : status;
}

/** Runs the JavaScript file of an installed tool with this Node. */
export const runTool = (file, args, options) => run(process.execPath, [inRoot('node_modules', file), ...args], options);

function runNpm(args) {
  const cli = process.env.npm_execpath;
  return cli?.endsWith('.js') ? run(process.execPath, [cli, ...args]) : run('npm', args, { shell: process.platform === 'win32' });
}

const readJson = (file) => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined);

/** Whether `node_modules` holds what the lock file names. Times do not tell: a checkout and an install both set them. */
function packagesAreCurrent() {
  const wanted = readJson(inRoot('package-lock.json'))?.packages;
  const present = readJson(inRoot('node_modules', '.package-lock.json'))?.packages;
  if (!present) return false;
  return Object.entries(wanted ?? {}).every(
    ([path, entry]) => path === '' || entry.optional || entry.devOptional || present[path]?.version === entry.version,
  );
}

export function installPackages() {
  if (packagesAreCurrent()) return;
  console.log('Installing npm packages …');
  // Not `npm ci`: it refuses a lock file that lacks a tool's build for some other platform, which not every registry carries.
  if (runNpm(['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error']) !== 0)
    stop('npm install failed: see the messages above. Is the npm registry reachable?');
}

/** Newest change below a path in ms; a folder's own time tells of deleted files. */
function newestChangeMs(path) {
  const { mtimeMs } = statSync(path);
  if (!statSync(path).isDirectory()) return mtimeMs;
  return readdirSync(path).reduce((newest, name) => Math.max(newest, newestChangeMs(join(path, name))), mtimeMs);
}

/** Compiles `src` to `dist` unless the last build is newer than every source. */
export function build() {
  const stamp = inRoot('.fovea', 'built');
  const sources = ['src', 'tsconfig.json', 'tsconfig.build.json', 'package.json'].map((name) => newestChangeMs(inRoot(name)));
  if (existsSync(stamp) && existsSync(inRoot('dist', 'cli', 'main.js')) && statSync(stamp).mtimeMs > Math.max(...sources)) return;
  console.log('Building …');
  const startedAt = new Date();
  if (runTool('typescript/bin/tsc', ['-p', 'tsconfig.build.json']) !== 0) stop('The build failed: see the messages above.');
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, '');
  // A source saved while the compiler ran is newer than the build.
  utimesSync(stamp, startedAt, startedAt);
}
