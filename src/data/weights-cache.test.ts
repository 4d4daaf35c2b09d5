import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { homedir, hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DataError } from '../core/errors.ts';
import { fetchWeights, weightsCacheDir } from './weights-cache.ts';

const content = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31 + (i >> 8)) & 255));
const sha256Prefix = createHash('sha256').update(content).digest('hex').slice(0, 8);

type Answer = (request: IncomingMessage, response: ServerResponse) => void;
const rangeStart = (request: IncomingMessage): number => Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
/** Begins a correct answer, with ranges, and returns the bytes that are to be sent. */
function begin(request: IncomingMessage, response: ServerResponse, bytes = content): Buffer {
  const from = rangeStart(request);
  if (from)
    response.writeHead(206, {
      'content-length': bytes.length - from,
      'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
    });
  else response.writeHead(200, { 'content-length': bytes.length });
  return bytes.subarray(from);
}
const whole: Answer = (request, response) => void response.end(begin(request, response));
/** What the client has written to its disk: bytes in flight at a cut are lost. */
let arrived = 0;
const cutAfter =
  (count: number): Answer =>
  (request, response) => {
    const from = rangeStart(request);
    response.write(begin(request, response).subarray(0, count));
    const timer = setInterval(() => {
      if (arrived < from + count) return;
      clearInterval(timer);
      response.destroy();
    }, 1);
  };
const status =
  (code: number): Answer =>
  (_, response) =>
    void response.writeHead(code).end('<html>sorry</html>');
const rangeless: Answer = (_, response) => void response.writeHead(200, { 'content-length': content.length }).end(content);

let dir = '';
let server: Server;
let url = '';
/** What the server answers to one request after the other; the last one goes on. */
let answers: Answer[] = [];
let ranges: (string | undefined)[] = [];
beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'fovea-cache-'));
  [answers, ranges, arrived] = [[whole], [], 0];
  server = createServer((request, response) => {
    ranges.push(request.headers.range);
    const answer = answers.length > 1 ? answers.shift()! : answers[0];
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/w.pth`;
});
afterEach(async () => {
  vi.restoreAllMocks();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(dir, { recursive: true, force: true });
});

const at = (name: string) => path.join(dir, name);
const fetchIt = ({ onProgress, ...options }: Parameters<typeof fetchWeights>[1] = {}, source = {}) =>
  fetchWeights(
    { url, sha256Prefix, fileName: 'w.pth', ...source },
    {
      ...{ cacheDir: dir, retryDelayMs: 1, ...options },
      onProgress(progress) {
        arrived = progress.receivedBytes;
        onProgress?.(progress);
      },
    },
  );
async function expectWhole() {
  expect(Buffer.compare(await readFile(at('w.pth')), content)).toBe(0);
  expect((await readdir(dir)).filter((name) => name.endsWith('.part'))).toEqual([]);
}

describe('fetchWeights', () => {
  it('downloads once, then takes the file from the cache', async () => {
    const seen: [number, number | undefined][] = [];
    const cacheDir = path.join(dir, 'new', 'folder');
    const file = await fetchIt({ cacheDir, onProgress: ({ receivedBytes, totalBytes }) => seen.push([receivedBytes, totalBytes]) });
    expect(file).toBe(path.join(cacheDir, 'w.pth'));
    expect(Buffer.compare(await readFile(file), content)).toBe(0);
    expect(seen[0]).toEqual([0, content.length]);
    expect(seen.at(-1)).toEqual([content.length, content.length]);
    expect(await fetchIt({ cacheDir })).toBe(file);
    expect(ranges).toHaveLength(1);
  });

  it('follows redirects, and reads a server that names no length', async () => {
    answers = [
      (_, response) => void response.writeHead(302, { location: '/elsewhere' }).end(),
      (_, response) => void response.end(content),
    ];
    await fetchIt();
    await expectWhole();
  });

  it('goes on by range after a cut, and after several', async () => {
    answers = [cutAfter(100_000), cutAfter(50_000), whole];
    const seen: number[] = [];
    await fetchIt({ onProgress: ({ receivedBytes }) => seen.push(receivedBytes) });
    await expectWhole();
    expect(ranges).toEqual([undefined, 'bytes=100000-', 'bytes=150000-']);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  it('keeps the part when the server cuts again and again, says so, and goes on at the next call', async () => {
    answers = [cutAfter(60_000)];
    const failing = fetchIt({ retries: 1 });
    await expect(failing).rejects.toBeInstanceOf(DataError);
    await expect(failing).rejects.toThrow(url);
    await expect(failing).rejects.toThrow(
      /the whole file, got .*120000 bytes have arrived.*What arrived is kept in .*w\.pth\.part: run again/,
    );
    expect(await readdir(dir)).toEqual(['w.pth.part']);
    expect((await readFile(at('w.pth.part'))).length).toBe(120_000);
    answers = [whole];
    await fetchIt();
    await expectWhole();
    expect(ranges.at(-1)).toMatch(/^bytes=/);
  });

  it('starts again where the server knows no ranges, or gives another one', async () => {
    await writeFile(at('w.pth.part'), content.subarray(0, 1000));
    answers = [rangeless];
    await fetchIt();
    await expectWhole();
    await rm(at('w.pth'));
    await writeFile(at('w.pth.part'), content.subarray(0, 1000));
    answers = [(_, response) => void response.writeHead(206, { 'content-range': 'bytes 5-9/300000' }).end('wrong'), whole];
    await fetchIt();
    await expectWhole();
    expect(ranges).toEqual(['bytes=1000-', 'bytes=1000-', undefined]);
  });

  it('finishes a part that is already whole, and replaces one that is longer or damaged', async () => {
    const beyond: Answer = (request, response) => {
      if (rangeStart(request) < content.length) return whole(request, response);
      response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    };
    for (const part of [content, Buffer.concat([content, content]), Buffer.alloc(5000)]) {
      await writeFile(at('w.pth.part'), part);
      answers = [beyond];
      await fetchIt();
      await expectWhole();
      await rm(at('w.pth'));
    }
  });

  it('sets a file with the wrong hash aside and names it', async () => {
    answers = [(_, response) => void response.end('<html>log in first</html>')];
    const failing = fetchIt();
    await expect(failing).rejects.toBeInstanceOf(DataError);
    await expect(failing).rejects.toThrow(`[${url}] expected a file with sha256 ${sha256Prefix}…, got `);
    await expect(failing).rejects.toThrow(`set aside as ${at('w.pth.wrong-hash')}`);
    expect(await readdir(dir)).toEqual(['w.pth.wrong-hash']);
    answers = [whole];
    await fetchIt();
    await expectWhole();
  });

  it('does not use a cached file that was altered', async () => {
    await writeFile(at('w.pth'), 'altered');
    await fetchIt();
    await expectWhole();
    expect(await readFile(at('w.pth.wrong-hash'), 'utf8')).toBe('altered');
  });

  it.each([404, 403, 410])('names the URL and the status %i, and where to put the file', async (code) => {
    answers = [status(code)];
    const failing = fetchIt();
    await expect(failing).rejects.toBeInstanceOf(DataError);
    await expect(failing).rejects.toThrow(`[${url}] expected the file, got ${code} `);
    await expect(failing).rejects.toThrow(`put it at ${at('w.pth')}`);
    expect(ranges).toHaveLength(1);
    expect(await readdir(dir)).toEqual([]);
  });

  it('tries again after 500 and 503, and names the status if that does not help', async () => {
    answers = [status(500), status(503), whole];
    await fetchIt();
    await expectWhole();
    await rm(at('w.pth'));
    answers = [status(500)];
    await expect(fetchIt({ retries: 2 })).rejects.toThrow(/expected the whole file, got 500 Internal Server Error\./);
    expect(ranges).toHaveLength(6);
  });

  it('waits for a slow server, but opens a stalled connection again', async () => {
    const slow: Answer = (request, response) => {
      const bytes = begin(request, response);
      let sent = 0;
      const timer = setInterval(() => {
        response.write(bytes.subarray(sent, sent + 60_000));
        sent += 60_000;
        if (sent < bytes.length) return;
        clearInterval(timer);
        response.end();
      }, 5);
    };
    answers = [slow];
    await fetchIt();
    await expectWhole();
    await rm(at('w.pth'));
    answers = [(request, response) => void response.write(begin(request, response).subarray(0, 1000)), whole];
    await fetchIt({ stallMs: 1000 });
    await expectWhole();
    expect(ranges.at(-1)).toBe('bytes=1000-');
  });

  it('says offline where to put the file', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const closed = `http://127.0.0.1:${(other.address() as AddressInfo).port}/w.pth`;
    await new Promise((resolve) => other.close(resolve));
    for (const gone of [closed, 'http://nowhere.invalid/w.pth']) {
      const failing = fetchIt({ retryDelayMs: 100_000 }, { url: gone });
      await expect(failing).rejects.toThrow(/a way to the server, got .*(ECONNREFUSED|ENOTFOUND|EAI_AGAIN)/);
      await expect(failing).rejects.toThrow(`Without a network, download it elsewhere and put it at ${at('w.pth')}`);
      await expect(failing).rejects.toBeInstanceOf(DataError);
    }
    await writeFile(at('w.pth'), 'altered');
    await expect(fetchIt({}, { url: closed })).rejects.toThrow(/has another sha256 and is set aside as .*w\.pth\.wrong-hash/);
    await writeFile(at('w.pth'), content);
    expect(await fetchIt({}, { url: closed })).toBe(at('w.pth'));
  });

  it('stops at the signal and keeps what arrived', async () => {
    answers = [(request, response) => void response.write(begin(request, response).subarray(0, 1000))];
    const stop = new AbortController();
    const failing = fetchIt({
      signal: stop.signal,
      onProgress: ({ receivedBytes }) => receivedBytes === 1000 && stop.abort(new Error('enough')),
    });
    await expect(failing).rejects.toThrow('enough');
    expect((await readFile(at('w.pth.part'))).length).toBe(1000);
    answers = [whole];
    await fetchIt();
    await expectWhole();
    expect(ranges.at(-1)).toBe('bytes=1000-');
  });

  it('lets several fetch one file at once, each into a part of its own', async () => {
    answers = [cutAfter(90_000), whole, cutAfter(30_000), whole];
    await writeFile(at('w.pth.part'), content.subarray(0, 20_000));
    await Promise.all(Array.from({ length: 4 }, () => fetchIt()));
    await expectWhole();
  });

  it('leaves a part alone that is being written', async () => {
    let finish = () => {};
    const held: Answer = (request, response) => {
      const bytes = begin(request, response);
      response.write(bytes.subarray(0, 1000));
      finish = () => response.end(bytes.subarray(1000));
    };
    answers = [held, whole];
    let second: Promise<string> | undefined;
    await fetchIt({
      onProgress({ receivedBytes }) {
        if (receivedBytes === 1000) second ??= fetchIt().finally(finish);
      },
    });
    await second;
    expect(ranges).toEqual([undefined, undefined]);
    await expectWhole();
  });

  it('takes over the part of a process that died, not that of one that lives', async () => {
    const host = hostname().replace(/[^\w]/g, '_');
    const { pid: dead } = spawnSync(process.execPath, ['-e', '']);
    const living = `w.pth.${host}-${process.ppid}-0.part`;
    await writeFile(at(`w.pth.${host}-${dead}-0.part`), content.subarray(0, 7000));
    await writeFile(at(`w.pth.${host}-${process.pid}-99.part`), content.subarray(0, 10));
    await writeFile(at(living), content.subarray(0, 9000));
    await fetchIt();
    expect(ranges).toEqual(['bytes=7000-']);
    expect((await readdir(dir)).sort()).toEqual([living, 'w.pth'].sort());
  });

  it('says which file the disk refuses', async () => {
    await writeFile(at('file'), '');
    await expect(fetchIt({ cacheDir: at('file') })).rejects.toThrow(/EEXIST|ENOTDIR/);
    const handle = await open(dir);
    await handle.close();
    vi.spyOn(Object.getPrototypeOf(handle), 'writeFile').mockRejectedValue(
      Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' }),
    );
    const failing = fetchIt();
    await expect(failing).rejects.toThrow(/\.part\] .*no space left.*disk is full.*FOVEA_CACHE/);
    await expect(failing).rejects.toBeInstanceOf(DataError);
  });

  it.each([
    [{ sha256Prefix: '' }, /8 to 64 hexadecimal/],
    [{ sha256Prefix: 'xyzxyzxyz' }, /8 to 64 hexadecimal/],
    [{ fileName: '../w.pth' }, /without a folder/],
    [{ fileName: '..' }, /without a folder/],
    [{ url: 'no url' }, /URL/],
    [{ url: 'ftp://127.0.0.1/w.pth' }, /scheme/],
  ])('refuses %j', async (source, message) => {
    await expect(fetchIt({}, source)).rejects.toThrow(message);
    await expect(fetchIt({}, source)).rejects.toBeInstanceOf(DataError);
  });
});

describe('weightsCacheDir', () => {
  it('is FOVEA_CACHE, else the place of the platform', () => {
    const home = homedir();
    expect(weightsCacheDir({ FOVEA_CACHE: '/x/y' }, 'linux')).toBe('/x/y');
    expect(weightsCacheDir({}, 'linux')).toBe(path.join(home, '.cache/fovea/weights'));
    expect(weightsCacheDir({ XDG_CACHE_HOME: '/c' }, 'linux')).toBe('/c/fovea/weights');
    expect(weightsCacheDir({}, 'darwin')).toBe(path.join(home, 'Library/Caches/fovea/weights'));
    expect(weightsCacheDir({ LOCALAPPDATA: '/l' }, 'win32')).toBe('/l/fovea/weights');
  });
});
