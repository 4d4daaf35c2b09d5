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

const run = promisify(execFile);
const read = (name: string) => readFile(path.join(root, name), 'utf8');
const compilerOptions = ['--ignoreConfig', '--target', 'es2023', '--module', 'nodenext', '--strict', '--skipLibCheck', '--types', 'node'];

/** A program with a smaller budget: fewer images, one epoch, one thread. */
function shortened(text: string): string {
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

/** Compiles a program as a user would and returns what it prints. */
async function printedBy(name: string, text: string): Promise<string> {
  const file = path.join(folder, `${name}.mts`);
  await writeFile(file, shortened(text));
  await run(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), ...compilerOptions, '--rootDir', folder, file]).catch(
    ({ stdout }: { stdout: string }) => expect.unreachable(stdout),
  );
  const { stdout, stderr } = await run(process.execPath, [path.join(folder, `${name}.mjs`)]);
  expect(stderr).toBe('');
  return stdout;
}

it('examples/mnist.ts trains and recognises a digit', async () => {
  const stdout = await printedBy('mnist', await read('examples/mnist.ts'));
  const [, accuracy] = /^epoch 1 {2}test (\d+\.\d+)%$/m.exec(stdout)!;
  expect(Number(accuracy)).toBeGreaterThan(85);
  expect(stdout).toMatch(/^The first test image shows a 7: guessed \d \(\d+\.\d%\)$/m);
}, 120_000);

it('README.md’s program does the same', async () => {
  const [, program] = /```ts\n(.*?)```/s.exec(await read('README.md'))!;
  const stdout = await printedBy('readme', program);
  expect(stdout).toMatch(/^0\.[89]\d* \d [01]\.?\d*$/m);
}, 120_000);
