// Nearest neighbours of 10 000 queries among 50 000 images of 3·32·32 generated levels (CIFAR-10's size): against scikit-learn, in turns.
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { nearestNeighbours } from '../dist/classic/knn.js';
import { Rng } from '../dist/core/index.js';
import { openEngine } from '../dist/engine/threaded/index.js';
import { median, seconds, times } from './numbers.mjs';

const python = '/usr/bin/python3';
const width = 3072;
const k = 20;
const rounds = Number(process.env.KNN_ROUNDS ?? 3);
const [rowCount, queryCount] = (process.env.KNN_SIZE ?? '50000,10000').split(',').map(Number);

const rowsAtOnce = 1000;

/** Bytes, as pixels are; the peer reads the same numbers as reals, which is what it computes with. */
function generate(file, count, key) {
  const rng = new Rng(0, key);
  const data = new Uint8Array(count * width).map(() => Math.floor(256 * rng.uniform()));
  writeFileSync(file, '');
  for (let row = 0; row < count; row += rowsAtOnce)
    appendFileSync(file, new Uint8Array(Float32Array.from(data.subarray(row * width, (row + rowsAtOnce) * width)).buffer));
  return { data, width };
}

/** Whether two rows are equally far from a query: then their order is anyone's. */
function isAsNear(queries, rows, query, a, b) {
  const squared = (row) => {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += (queries.data[query * width + i] - rows.data[row * width + i]) ** 2;
    return sum;
  };
  return squared(a) === squared(b);
}

async function measure(folder) {
  const rows = generate(path.join(folder, 'rows.f32'), rowCount, 'rows');
  const queries = generate(path.join(folder, 'queries.f32'), queryCount, 'queries');
  const hasPeer = spawnSync(python, ['-c', 'import sklearn']).status === 0;
  const script = fileURLToPath(new URL('peers/knn.py', import.meta.url));
  const peer = hasPeer && spawn(python, ['-B', script, folder, `${width}`, `${k}`], { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = peer && createInterface({ input: peer.stdout })[Symbol.asyncIterator]();
  const answer = async () => JSON.parse((await answers.next()).value);
  const { version } = peer ? await answer() : {};
  const engine = await openEngine();
  const [own, others] = [[], []];
  let near;
  let peakBytes = 0;
  const watch = setInterval(() => {
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
  }, 20);
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    near = await nearestNeighbours(engine, { queries, rows, k, metric: 'l2' });
    own.push((performance.now() - start) / 1000);
    if (!peer) continue;
    peer.stdin.write('go\n');
    others.push((await answer()).seconds);
  }
  clearInterval(watch);
  await engine.close();
  peer?.stdin?.end();
  const theirs = peer && new Int32Array(new Uint8Array(readFileSync(path.join(folder, 'peer.i32'))).buffer);
  const same = theirs && near.indices.every((row, i) => row === theirs[i] || isAsNear(queries, rows, Math.floor(i / k), row, theirs[i]));
  return { own, others, version, same, peakBytes };
}

export async function bench() {
  const folder = mkdtempSync(path.join(tmpdir(), 'fovea-knn-'));
  try {
    const { own, others, version, same, peakBytes } = await measure(folder);
    const ratio = version && median(others.map((value, i) => value / own[i]));
    const agreement = version ? `, neighbours ${same ? 'the same' : 'differ'}` : '';
    return [
      {
        what: `${queryCount} queries among ${rowCount} images (generated), L2`,
        fovea: `${seconds(median(own))}`,
        peer: version ? `${seconds(median(others))} (scikit-learn ${version})` : 'absent',
        result: version ? `${times(ratio)} as fast${agreement}` : '–',
        target: '≥ 2×',
        met: version ? ratio >= 2 && same : undefined,
      },
      {
        what: 'memory of that search',
        fovea: `${Math.round(peakBytes / 2 ** 20)} MiB`,
        peer: '–',
        result: `${Math.round(peakBytes / 2 ** 20)} MiB`,
        target: '< 1024 MiB',
        met: peakBytes < 2 ** 30,
      },
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}
