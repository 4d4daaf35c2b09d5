import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { root } from './command.ts';

let folder: string;
beforeAll(async () => {
  // Inside the project: there `fovea` is the project itself.
  await mkdir(path.join(root, '.fovea'), { recursive: true });
  folder = await mkdtemp(path.join(root, '.fovea', 'example-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** The example's text with a smaller budget: fewer images, one epoch, one thread. */
async function shortened(name: string): Promise<string> {
  const text = await readFile(path.join(root, 'examples', name), 'utf8');
  const changes: [RegExp, string][] = [
    [/loadMnist, /, 'loadMnist, someSamples, '],
    [/trainSet: mnist\.train/, 'trainSet: someSamples(mnist.train, 6400)'],
    [/testSet: mnist\.test/, 'testSet: someSamples(mnist.test, 1000)'],
    [/epochs: 3/, 'epochs: 1, threads: 1'],
  ];
  return changes.reduce((sofar, [from, to]) => {
    expect(sofar).toMatch(from);
    return sofar.replace(from, to);
  }, text);
}

it('examples/mnist.ts trains and recognises a digit', async () => {
  const run = promisify(execFile);
  await writeFile(path.join(folder, 'mnist.mts'), await shortened('mnist.ts'));
  const options = ['--ignoreConfig', '--target', 'es2023', '--module', 'nodenext', '--rootDir', folder, '--skipLibCheck', '--noCheck'];
  await run(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), ...options, path.join(folder, 'mnist.mts')]);
  const { stdout, stderr } = await run(process.execPath, [path.join(folder, 'mnist.mjs')]);
  expect(stderr).toBe('');
  const [, accuracy] = /^epoch 1 {2}test (\d+\.\d+)%$/m.exec(stdout)!;
  expect(Number(accuracy)).toBeGreaterThan(85);
  expect(stdout).toMatch(/^The first test image shows a 7: guessed \d \(\d+\.\d%\)$/m);
}, 120_000);
