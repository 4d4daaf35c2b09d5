import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fovea, shortRun, start } from './command.ts';

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(path.join(tmpdir(), 'fovea-signals-'));
});
afterAll(() => rm(cwd, { recursive: true }));

const runs = () => readdir(path.join(cwd, 'runs')).catch(() => []);
async function untilThere(name: string): Promise<void> {
  while (!existsSync(path.join(cwd, 'runs', name))) await delay(20);
  // The command has to hear of it too.
  await delay(100);
}

describe('a run that wrote nothing', () => {
  it.each([
    ['knn', 'SIGINT'],
    ['knn', 'SIGTERM'],
    ['linear', 'SIGTERM'],
  ] as const)('leaves no folder: %s after %s', async (command, signal) => {
    const { child, done } = start([command, 'mnist', '--name', 'ended', '--threads', '1'], { cwd });
    await untilThere('ended');
    child.kill(signal);
    expect(await done).toMatchObject({ signal, stdout: '', stderr: '' });
    expect(await runs()).not.toContain('ended');
  });
});

describe('--lr-find', () => {
  const search = ['train', 'mnist', '--limit', '640', '--threads', '1', '--lr-find'];

  it('refuses a name and a place before it looks, as they were typed', async () => {
    const named = await fovea([...search, '--name', '../x'], { cwd });
    expect(named).toMatchObject({ status: 2, stdout: '' });
    expect(named.stderr).toMatch(/^error: \[run name\] .+, got "\.\.\/x"\.\n$/);
    await writeFile(path.join(cwd, 'file'), '');
    const placed = await fovea([...search, '--out', 'file/x'], { cwd });
    expect(placed).toMatchObject({ status: 1, stdout: '' });
    expect(placed.stderr).toMatch(/^error: \[file\/x\] /);
  });

  it('that is stopped says so, promises nothing and leaves no folder', async () => {
    const { child, done } = start([...search, '--name', 'half', '--json'], { cwd });
    await untilThere('half-lr');
    child.kill('SIGTERM');
    const { status, stdout, stderr } = await done;
    expect({ status, stderr }).toEqual({ status: 143, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ event: 'interrupted', tried: expect.any(Number) });
    expect(await runs()).not.toContain('half-lr');
  });

  it('that fails leaves no folder', async () => {
    const { status, stderr } = await fovea([...search, '--name', 'failed', '--weights', 'none.pth', '--model', 'resnet18'], { cwd });
    expect(stderr).toMatch(/^error: \[.*none\.pth\]/);
    expect(status).toBe(1);
    expect(await runs()).not.toContain('failed-lr');
  });
});

describe('the first Ctrl-C', () => {
  it.skipIf(process.platform === 'win32')('ends a training that waits for its weights', async () => {
    execFileSync('mkfifo', [path.join(cwd, 'weights.pth')]);
    const { child, done } = start([...shortRun, '--model', 'resnet18', '--weights', 'weights.pth', '--name', 'waiting'], { cwd });
    await delay(1500);
    child.kill('SIGINT');
    const { signal, stdout, stderr } = await done;
    expect({ signal, stdout, stderr }).toEqual({ signal: 'SIGINT', stdout: '', stderr: '' });
    expect(await runs()).not.toContain('waiting');
  });

  it('says of a run with nothing left to train that only its report is still to come', async () => {
    expect((await fovea([...shortRun, '--limit', '640', '--name', 'over'], { cwd })).status).toBe(0);
    const { child, done, saw } = start(['train', '--resume', 'runs/over'], { cwd });
    await saw(/^Run folder/m);
    child.kill('SIGINT');
    const { status, stdout } = await done;
    expect(status).toBe(130);
    expect(stdout).toContain('The training is over and saved; its report is still written.');
    expect(stdout).not.toContain('then saving');
    expect(stdout).toContain('In runs/over:');
  });
});
