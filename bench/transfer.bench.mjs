// The course's project 2 on sixteen kinds of flowers, from the command line, against its script in PyTorch; and what the default recipe reaches.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median, percent, seconds, times } from './numbers.mjs';
import { runPeer, threadChoices, torchVersion } from './peer.mjs';

const seeds = [0, 1, 2];
const epochs = 8;
const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
const shared = (name) => fileURLToPath(new URL(`../../shared/data/${name}`, import.meta.url));
const weights = shared('weights/squeezenet1_0.pth');
const asCourse = ['--transforms', 'course', '--batch-size', '8', '--lr', '1e-3', '--schedule', 'step', '--epochs', `${epochs}`];

function runFovea(data, seed, options = []) {
  const folder = mkdtempSync(join(tmpdir(), 'fovea-bench-'));
  const args = [main, 'train', shared(data), '--model', 'squeezenet1_0', '--weights', weights, '--seed', `${seed}`, ...options];
  const { status, stderr } = spawnSync(process.execPath, [...args, '--out', folder, '--name', 'run'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`fovea train ${data}: ${stderr}`);
  const summary = JSON.parse(readFileSync(join(folder, 'run', 'summary.json'), 'utf8'));
  rmSync(folder, { recursive: true });
  return summary;
}

const runTorch = (seed, threads, length = epochs) => runPeer('transfer.py', [shared('flowers16'), weights, length, seed, threads]);

/** PyTorch is given the number of threads that serves it best in one epoch. */
function fasterThreads() {
  const found = threadChoices.map((threads) => ({ threads, speed: runTorch(seeds[0], threads, 1).imagesPerSecond }));
  return found.sort((a, b) => b.speed - a.speed)[0].threads;
}

const each = (runs) => runs.map(({ accuracy }) => percent(accuracy)).join(', ');

function defaultRow(data) {
  const runs = seeds.map((seed) => runFovea(data, seed));
  const worst = Math.min(...runs.map(({ accuracy }) => accuracy));
  const slowest = Math.max(...runs.map(({ trainSeconds }) => trainSeconds));
  return {
    what: `validation accuracy, ${data}, default recipe, seeds ${seeds.join(', ')}`,
    fovea: `${each(runs)}; training at most ${seconds(slowest)}`,
    peer: '–',
    result: `${percent(worst)} at least`,
    target: '≥ 90 % in ≤ 120 s',
    met: worst >= 0.9 && slowest <= 120,
  };
}

export async function bench() {
  if (!existsSync(weights))
    return [{ what: 'transfer', fovea: `${weights} is absent`, peer: '–', result: '–', target: '≥ 6×', met: undefined }];
  const hasPeer = Boolean(torchVersion());
  const threads = hasPeer ? fasterThreads() : undefined;
  const pairs = seeds.map((seed) => ({ own: runFovea('flowers16', seed, asCourse), peer: hasPeer ? runTorch(seed, threads) : undefined }));
  const [own, theirs] = [pairs.map((pair) => pair.own), pairs.map(({ peer }) => peer)];
  const ratio = hasPeer && median(pairs.map((pair) => pair.own.imagesPerSecond / pair.peer.imagesPerSecond));
  const speed = (runs) => `${median(runs.map(({ imagesPerSecond }) => imagesPerSecond)).toFixed(0)} images/s`;
  const least = hasPeer && Math.min(...theirs.map(({ accuracy }) => accuracy));
  return [
    {
      what: 'project 2 as the course, squeezenet1_0 frozen, batch 8: training',
      fovea: speed(own),
      peer: hasPeer ? `${speed(theirs)} (${threads} threads)` : 'absent',
      result: hasPeer ? `${times(ratio)} as fast` : '–',
      target: '≥ 6×',
      met: hasPeer ? ratio >= 6 : undefined,
    },
    {
      what: `the same, validation accuracy after ${epochs} epochs, seeds ${seeds.join(', ')}`,
      fovea: each(own),
      peer: hasPeer ? each(theirs) : 'absent',
      result: `${percent(median(own.map(({ accuracy }) => accuracy)))} in the middle`,
      target: 'not below the peer’s worst',
      met: hasPeer ? median(own.map(({ accuracy }) => accuracy)) >= least : undefined,
    },
    ...['flowers16', 'hymenoptera_data'].map(defaultRow),
  ];
}
