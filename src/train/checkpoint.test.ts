import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { f32, type StateDict } from '../core/ndarray.ts';
import { writeSafetensors } from '../formats/safetensors.ts';
import { type Checkpoint, loadCheckpoint, saveCheckpoint } from './checkpoint.ts';
import { initialProgress } from './progress.ts';
import { completeRecipe } from './recipe.ts';
import { findWeights, prepareWeightsFolder, weightsFile } from './weights-files.ts';

const state = (entries: Record<string, number[]>): StateDict =>
  new Map(Object.entries(entries).map(([name, values]) => [name, f32(values)]));
const checkpoint = (): Checkpoint => ({
  metadata: {
    version: 1,
    model: 'course-cnn',
    classes: ['0', '1'],
    sampleShape: [1, 28, 28],
    trainImages: 100,
    testImages: 10,
    engine: { name: 'reference', version: '', isa: 'typescript', threads: 1 },
    recipe: completeRecipe({}),
    // A sum that no short decimal has.
    progress: { ...initialProgress(), step: 7, windowLoss: 0.1 + 0.2 },
  },
  model: state({ 'conv.weight': [1, 2.5, -0], 'conv.bias': [1e-30] }),
  optimizer: state({ 'optimizer.conv.weight.exp_avg': [3, 4, 5] }),
});

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-checkpoint-'));
  file = path.join(folder, 'last.safetensors');
});
afterEach(() => rm(folder, { recursive: true }));

describe('a checkpoint', () => {
  it('comes back as it was saved, to the bit', async () => {
    await saveCheckpoint(file, checkpoint());
    expect(await loadCheckpoint(file)).toEqual(checkpoint());
  });

  it('cut short anywhere is refused by name', async () => {
    await saveCheckpoint(file, checkpoint());
    const bytes = await readFile(file);
    for (const length of [0, 4, 9, 200, bytes.length - 60, bytes.length - 1]) {
      await writeFile(file, bytes.subarray(0, length));
      await expect(loadCheckpoint(file), `${length} bytes`).rejects.toThrow(file);
    }
  });

  it('altered in a byte is refused by name', async () => {
    await saveCheckpoint(file, checkpoint());
    const bytes = await readFile(file);
    // Spaces pad the header: they carry nothing.
    const headerEnd = 8 + Number(bytes.readBigUInt64LE(0));
    const padding = bytes.subarray(0, headerEnd).toString('latin1').trimEnd().length;
    for (let i = 0; i < bytes.length; i += 11) {
      if (i >= padding && i < headerEnd) continue;
      const altered = Buffer.from(bytes);
      altered[i] ^= 1;
      await writeFile(file, altered);
      await expect(loadCheckpoint(file), `byte ${i}`).rejects.toThrow(file);
    }
  });

  it('of another program or a later version is refused by name', async () => {
    await writeFile(file, writeSafetensors(checkpoint().model));
    await expect(loadCheckpoint(file)).rejects.toThrow(
      `[${file}] expected a checkpoint of Fovea, got safetensors without its metadata. Weights alone`,
    );
    const later = checkpoint();
    await saveCheckpoint(file, { ...later, metadata: { ...later.metadata, version: 2 as 1 } });
    await expect(loadCheckpoint(file)).rejects.toThrow('expected a checkpoint of version 1, got 2. Use a newer Fovea.');
  });

  it.each([
    ['a zip file', [0x50, 0x4b, 3, 4]],
    ['a pickle', [0x80, 2, 0x8a, 10]],
  ])('in the form of torch.save (%s) is refused with what it is good for', async (_, begins) => {
    await writeFile(file, Uint8Array.of(...begins, ...new Uint8Array(60)));
    await expect(loadCheckpoint(file)).rejects.toThrow(
      `[${file}] expected a run or its checkpoint, got weights as PyTorch keeps them. Weights alone do not say what they see: train with --weights <file>`,
    );
  });

  it('that is a picture is refused by name', async () => {
    await writeFile(file, Uint8Array.of(0xff, 0xd8, 0xff, ...new Uint8Array(60)));
    await expect(loadCheckpoint(file)).rejects.toThrow(`[${file}] expected a run or its checkpoint, got a file of another kind.`);
  });

  it('that is missing is refused by name', async () => {
    await expect(loadCheckpoint(file)).rejects.toMatchObject({ name: 'CheckpointError', complaint: { where: file } });
  });
});

describe('findWeights', () => {
  it('takes a file, or the best and else the last of a run folder', async () => {
    await mkdir(path.join(folder, 'weights'));
    await expect(findWeights(folder)).rejects.toThrow('expected a run folder with weights/best.safetensors or weights/last.safetensors');
    await writeFile(weightsFile(folder, 'last'), '');
    expect(await findWeights(folder)).toBe(weightsFile(folder, 'last'));
    await writeFile(weightsFile(folder, 'best'), '');
    expect(await findWeights(folder)).toBe(weightsFile(folder, 'best'));
    expect(await findWeights(folder, ['last'])).toBe(weightsFile(folder, 'last'));
    expect(await findWeights(weightsFile(folder, 'best'))).toBe(weightsFile(folder, 'best'));
    await expect(findWeights(path.join(folder, 'no'))).rejects.toThrow(/got nothing of that name\.$/);
    await expect(findWeights('alexnet')).rejects.toThrow('That is a model’s name: train it (fovea train <data> --model alexnet)');
  });
});

describe('prepareWeightsFolder', () => {
  it('removes what killed processes left half written, and nothing else: another process may be writing', async () => {
    await prepareWeightsFolder(folder);
    const dead = execFileSync(process.execPath, ['-p', 'process.pid'], { encoding: 'utf8' }).trim();
    const [left, ofOthers] = [`.scratch-${dead}-0-3`, `.scratch-${process.ppid}-0-3`];
    for (const name of [left, ofOthers, 'last.safetensors', 'mine.txt']) await writeFile(path.join(folder, 'weights', name), 'x');
    await prepareWeightsFolder(folder);
    expect((await readdir(path.join(folder, 'weights'))).sort()).toEqual([ofOthers, 'last.safetensors', 'mine.txt']);
  });
});
