import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { courseOf, main, shortRun, start } from './command.ts';

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(path.join(tmpdir(), 'fovea-output-'));
});
afterAll(() => rm(cwd, { recursive: true }));

/** A training that must come to its end: 10 steps. */
const run = (name: string) => [...shortRun, '--limit', '640', '--eval-every', '1', '--name', name];
const expectTrained = async (name: string) =>
  expect(await courseOf(path.join(cwd, 'runs', name, 'weights/last.safetensors'))).toMatchObject({ epoch: 1, step: 10 });

describe('a reader that leaves', () => {
  it('does not end a training, even if nobody reads its errors either', async () => {
    const { child, done, saw } = start(run('unread'), { cwd });
    await saw(/^Training/);
    child.stdout!.destroy();
    child.stderr!.destroy();
    expect((await done).status).toBe(0);
    await expectTrained('unread');
  });

  it('ends a command that only prints, without a word', async () => {
    const { child, done } = start(['summary', 'resnet50'], { cwd });
    child.stdout!.destroy();
    expect(await done).toMatchObject({ status: 0, stderr: '' });
  });
});

describe.skipIf(!existsSync('/dev/full'))('a full disk behind standard output', () => {
  /** Runs the command with its output there. */
  async function toFull(args: readonly string[]): Promise<{ status: number | null; stderr: string }> {
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, [main, ...args], { cwd, stdio: ['ignore', full, 'pipe'] });
    closeSync(full);
    let stderr = '';
    child.stderr!.on('data', (chunk) => {
      stderr += chunk;
    });
    const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
    return { status, stderr };
  }

  it.each([[['summary', 'resnet50']], [['summary', 'resnet50', '--csv']], [['--help']]])('%j ends with 1 and one message', async (args) => {
    const { status, stderr } = await toFull(args);
    expect(stderr).toMatch(/^error: \[standard output\] expected to print, got ENOSPC: .+\.\n$/);
    expect(status).toBe(1);
  });

  it('does not end a training', async () => {
    expect(await toFull(run('full'))).toEqual({ status: 0, stderr: '' });
    await expectTrained('full');
  });
});
