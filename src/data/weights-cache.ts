import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, rename, rm } from 'node:fs/promises';
import { homedir, hostname } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { DataError, FoveaError } from '../core/errors.ts';
import { asCacheError, type DownloadOptions, download, sizeOfFile } from './download.ts';
import { isAlive } from './is-alive.ts';
import { makeFolder } from './make-folder.ts';

/** A file of weights on the web. */
export interface WeightsSource {
  url: string;
  /** The first 8 to 64 hexadecimal digits of its sha256; torchvision writes 8 of them into the file's name. */
  sha256Prefix: string;
  /** Its name in the cache. */
  fileName: string;
}

/**
 * The folder where downloaded weights are kept: `FOVEA_CACHE`, else the platform's place for caches (`~/.cache/fovea/weights` or under
 * `XDG_CACHE_HOME` on Linux, `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows).
 */
export function weightsCacheDir(env: NodeJS.ProcessEnv = process.env, platform: NodeJS.Platform = process.platform): string {
  if (env.FOVEA_CACHE) return path.resolve(env.FOVEA_CACHE);
  const places: Partial<Record<NodeJS.Platform, string>> = {
    darwin: path.join(homedir(), 'Library', 'Caches'),
    win32: env.LOCALAPPDATA || path.join(homedir(), 'AppData', 'Local'),
  };
  return path.join(places[platform] ?? (env.XDG_CACHE_HOME || path.join(homedir(), '.cache')), 'fovea', 'weights');
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** Sets a file with wrong bytes aside, where it can be looked at but is not used; returns where. */
async function quarantine(file: string, target: string): Promise<string> {
  const aside = `${target}.wrong-hash`;
  await rename(file, aside);
  return aside;
}

/** Parts that this process is writing. */
const active = new Set<string>();
let claims = 0;

/**
 * A name for the part that no other process writes to, holding what an earlier download of the file left, if anything.
 *
 * A part belongs to one process by its name, and is taken over by renaming it: only one taker can succeed. Parts of processes that died
 * are taken too.
 */
async function claimPart(file: string): Promise<string> {
  const [folder, base] = [path.dirname(file), path.basename(file)];
  const host = hostname().replace(/[^\w]/g, '_');
  const isOrphan = (name: string): boolean => {
    if (name === `${base}.part`) return true;
    if (!name.startsWith(`${base}.${host}-`)) return false;
    const [, pid] = /^(\d+)-\d+\.part$/.exec(name.slice(`${base}.${host}-`.length)) ?? [];
    return pid !== undefined && (Number(pid) === process.pid ? !active.has(path.join(folder, name)) : !isAlive(Number(pid)));
  };
  const own = path.join(folder, `${base}.${host}-${process.pid}-${claims++}.part`);
  active.add(own);
  const orphans = (await readdir(folder)).filter(isOrphan).map((name) => path.join(folder, name));
  const sized = await Promise.all(orphans.map(async (orphan) => ({ orphan, bytes: await sizeOfFile(orphan) })));
  let claimed = false;
  for (const { orphan } of sized.sort((a, b) => b.bytes - a.bytes)) {
    if (claimed) await rm(orphan, { force: true });
    else
      claimed = await rename(orphan, own).then(
        () => true,
        () => false,
      );
  }
  return own;
}

/** Downloads into `part` and checks the hash; once more from the start if a part left from earlier may be to blame. */
async function downloadChecked(
  { url, sha256Prefix }: WeightsSource,
  part: string,
  target: string,
  options: DownloadOptions,
): Promise<void> {
  for (let leftover = (await sizeOfFile(part)) > 0; ; leftover = false) {
    await download(url, part, options);
    const sum = await sha256(part);
    if (sum.startsWith(sha256Prefix)) return;
    if (leftover) {
      await rm(part);
      continue;
    }
    const aside = await quarantine(part, target);
    const hint = `The file changed on the way or on the server, or a proxy answered; it is set aside as ${aside}`;
    throw new DataError({ where: url, expected: `a file with sha256 ${sha256Prefix}…`, got: sum, hint });
  }
}

/**
 * The path of a file of weights in the cache, after downloading it if it is not there.
 *
 * A download that stopped goes on where it was; connections that break are opened again a few times. The file appears under its name
 * only whole and with the right hash, and several processes may fetch it at once. A file put there by hand is taken if its hash is right.
 *
 * - `source`: the URL, the hash's first digits and the name in the cache.
 * - `cacheDir`: where to keep it. Default: `weightsCacheDir()`.
 * - `onProgress`, `signal`, `retries`, `retryDelayMs`, `stallMs`: see `DownloadOptions`.
 *
 * **Throws** `DataError` naming the URL, what went wrong (status, cut, no network, wrong hash), where to put the file by hand and where the
 * part is kept; the signal's reason if it stopped the download.
 *
 * @example const file = await fetchWeights({ url, sha256Prefix: 'b66bff10', fileName: 'squeezenet1_0.pth' });
 */
export async function fetchWeights(
  source: WeightsSource,
  { cacheDir = weightsCacheDir(), ...options }: DownloadOptions & { cacheDir?: string } = {},
): Promise<string> {
  const { url, fileName } = source;
  const sha256Prefix = source.sha256Prefix.toLowerCase();
  if (!/^[\da-f]{8,64}$/.test(sha256Prefix))
    throw new DataError({ where: fileName, expected: '8 to 64 hexadecimal digits of a sha256', got: `'${sha256Prefix}'` });
  if (path.basename(fileName) !== fileName || fileName.startsWith('.'))
    throw new DataError({ where: fileName, expected: 'a file name without a folder', got: `'${fileName}'` });
  const file = path.join(cacheDir, fileName);
  try {
    await makeFolder(cacheDir);
    let spoiled = '';
    if ((await sizeOfFile(file)) > 0) {
      if ((await sha256(file)).startsWith(sha256Prefix)) return file;
      spoiled = ` The file that was there has another sha256 and is set aside as ${await quarantine(file, file)}.`;
    }
    const part = await claimPart(file);
    try {
      await downloadChecked({ url, sha256Prefix, fileName }, part, file, options);
      await rename(part, file);
      return file;
    } catch (error) {
      const kept = await rename(part, `${file}.part`).then(
        () => ` What arrived is kept in ${file}.part: run again to go on.`,
        () => '',
      );
      if (!(error instanceof DataError) || error.complaint.hint) throw error;
      const hint = `Without a network, download it elsewhere and put it at ${file}.${kept}${spoiled}`;
      throw new DataError({ ...error.complaint, hint }, { cause: error });
    } finally {
      active.delete(part);
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    throw error instanceof FoveaError ? error : asCacheError(file, error);
  }
}
