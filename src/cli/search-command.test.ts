import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runCommand } from './program.ts';

let stdout = '';
let stderr = '';
let folder: string;
beforeEach(async () => {
  stdout = '';
  stderr = '';
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-search-'));
  vi.spyOn(console, 'log').mockImplementation((text) => {
    stdout += `${text}\n`;
  });
  vi.spyOn(console, 'error').mockImplementation((text) => {
    stderr += `${text}\n`;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    stderr += text;
    return true;
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

describe('wrong usage', () => {
  it.each([
    [[], 2, "required option '--in <folder>' not specified"],
    [['--in', 'x'], 2, "required option '--model <run|name>' not specified"],
    [
      ['--in', 'x', '--model', 'resnet18', '--out', 'grid.jpg'],
      2,
      "[--out] expected a file that ends in .png, in a folder that exists, got 'grid.jpg'.",
    ],
    [['--in', 'x', '--model', 'resnet18', '--out', 'nodir/grid.PNG'], 2, "got 'nodir/grid.PNG', and 'nodir' is no folder."],
    [['--in', 'x', '--model', 'resnet18', '--topk', '0'], 2, '[--topk] expected an integer from 1, got 0.'],
    [
      ['--in', 'x', '--model', 'resnet18', '--topk', '3', '--top_k', '3'],
      2,
      '[--top_k] expected one of two names for an option, got --topk as well.',
    ],
    [['--in', 'x', '--model', 'resnet18'], 2, '[--weights] expected trained weights of resnet18, got none. --weights imagenet, or'],
    [['--in', 'x', '--model', 'course-cnn', '--weights', 'imagenet'], 2, 'no ImageNet weights for course-cnn'],
    [['--in', 'x', '--model', 'resnet19'], 2, "Did you mean 'resnet18'?"],
    [['--in', 'x', '--model', './no-run'], 1, 'expected a run folder or a checkpoint, got nothing of that name'],
    [['--in', 'x', '--model', 'course-cnn', '--weights', 'w.pth'], 2, 'expected a network that takes pictures in files, got course-cnn'],
  ])('%j ends with %i', async (args, status, message) => {
    const picture = path.join(folder, 'q.png');
    await sharp(new Uint8Array(300), { raw: { width: 10, height: 10, channels: 3 } }).toFile(picture);
    expect(await runCommand(['search', picture, ...args])).toBe(status);
    expect(stderr).toContain(message);
  });

  it('refuses a picture that is none before it looks at the others', async () => {
    const picture = path.join(folder, 'q.jpg');
    await writeFile(picture, '');
    expect(await runCommand(['search', picture, '--in', 'x', '--model', 'resnet18'])).toBe(1);
    expect(stderr).toContain('q.jpg] expected a picture (JPEG, PNG, WebP, BMP, GIF, TIFF), got an empty file');
  });
});

const data = fileURLToPath(new URL('../../../shared/data', import.meta.url));
const weights = path.join(data, 'weights/squeezenet1_0.pth');
describe.skipIf(!existsSync(weights))('fovea search (skipped where shared/data is absent)', () => {
  it('lists a flower of the query’s class first, as text, JSON and a picture', async () => {
    const [query, ...rest] = (await readdir(path.join(data, 'flowers16/valid/10'))).slice(0, 4);
    for (const [name, files] of [
      ['10', rest],
      ['100', (await readdir(path.join(data, 'flowers16/valid/100'))).slice(0, 3)],
    ] as const) {
      await mkdir(path.join(folder, 'in', name), { recursive: true });
      for (const file of files) {
        const copy = path.join(folder, 'in', name, file);
        await cp(path.join(data, 'flowers16/valid', name, file), copy);
      }
    }
    const [picture, out, where] = [path.join(data, 'flowers16/valid/10', query), path.join(folder, 'grid.png'), path.join(folder, 'in')];
    const args = ['search', picture, '--in', where, '--model', 'squeezenet1_0', '--weights', weights, '--top_k', '4'];
    expect(await runCommand([...args, '--out', out])).toBe(0);
    expect(stderr).toContain(`6 pictures (6 new), kept in ${path.join(where, '.fovea-index.safetensors')}`);
    const lines = stdout.trim().split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(/^10\/image_\d+\.jpg +0\.\d{4}$/);
    expect((await sharp(out).metadata()).format).toBe('png');
    stdout = '';
    stderr = '';
    expect(await runCommand([...args, '--json'])).toBe(0);
    const { results, index } = JSON.parse(stdout);
    expect(index).toMatchObject({ pictures: 6, added: 0, changed: 0, removed: 0, broken: [] });
    expect(results.map(({ name, similarity }: { name: string; similarity: number }) => `${name} ${similarity.toFixed(4)}`)).toEqual(
      lines.map((line) => line.replace(/ +/, ' ')),
    );
    expect(stderr).toBe('');
  });
});
