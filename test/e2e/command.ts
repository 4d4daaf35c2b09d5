import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NumberArray } from '../../src/core/ndarray.ts';
import { readSafetensors } from '../../src/formats/safetensors.ts';
import { type Checkpoint, loadCheckpoint } from '../../src/train/checkpoint.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const main = path.join(root, 'dist', 'cli', 'main.js');
if (!existsSync(main)) throw new Error('dist/cli/main.js is missing: npm run build');

export interface Outcome {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  done: Promise<Outcome>;
  /** Waits until the output so far matches; fails if the command ends before. */
  saw(pattern: RegExp): Promise<void>;
}

interface Where {
  cwd: string;
  env?: Record<string, string>;
}

/** Starts the built command, as a user's shell would. */
export function start(args: readonly string[], { cwd, env }: Where): Running {
  const child = spawn(process.execPath, [main, ...args], { cwd, env: { ...process.env, FOVEA_DEBUG: '', ...env } });
  const output = { stdout: '', stderr: '' };
  const waiting = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const)
    child[name]!.on('data', (chunk) => {
      output[name] += chunk;
      for (const look of waiting) look();
    });
  const done = new Promise<Outcome>((resolve) => child.on('close', (status, signal) => resolve({ status, signal, ...output })));
  const saw = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!pattern.test(output.stdout)) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
      void done.then(({ status }) => reject(new Error(`ended with ${status} before ${pattern}: ${output.stdout}${output.stderr}`)));
    });
  return { child, done, saw };
}

/** Runs the built command to its end. */
export const fovea = (args: readonly string[], where: Where): Promise<Outcome> => start(args, where).done;

/** A run that takes a second or two: 3200 images, evaluated on the first test images. */
export const shortRun = ['train', 'mnist', '--limit', '3200', '--epochs', '1', '--threads', '1'];

/** All numbers of a checkpoint by name, for comparison bit by bit. */
export async function numbersIn(file: string): Promise<Record<string, Uint8Array>> {
  const { tensors } = readSafetensors(await readFile(file), file);
  return Object.fromEntries(
    [...tensors].map(([name, { data }]) => [name, new Uint8Array((data as NumberArray).buffer, data.byteOffset, data.byteLength)]),
  );
}

/** History and position of a run, without what a clock said. */
export async function courseOf(file: string): Promise<object> {
  const { metadata }: Checkpoint = await loadCheckpoint(file);
  const { history, epoch, step, best } = metadata.progress;
  return { epoch, step, best, history: history.map(({ seconds, imagesPerSecond, ...row }) => row) };
}
