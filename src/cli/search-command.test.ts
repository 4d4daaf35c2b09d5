import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { runCommand } from './program.ts';

let [stdout, stderr] = ['', ''];
let [root, folder, query] = ['', '', ''];

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'fovea-search-cli-'));
  folder = path.join(root, 'pictures');
  query = path.join(root, 'query.png');
  await mkdir(folder);
  const draw = (file: string, shape: string) =>
    sharp(Buffer.from(`<svg width="64" height="64"><rect width="64" height="64" fill="#fff"/>${shape}</svg>`))
      .png()
      .toFile(file);
  const disc = '<circle cx="32" cy="32" r="20" fill="#d22"/>';
  await draw(query, disc);
  await draw(path.join(folder, 'disc.png'), disc);
  await draw(path.join(folder, 'bars.png'), '<path d="M8 0V64M24 0V64M40 0V64M56 0V64" stroke="#037" stroke-width="8"/>');
  await writeFile(path.join(folder, 'notes.jpg'), 'no picture');
});
afterAll(() => rm(root, { recursive: true, force: true }));

beforeEach(() => {
  [stdout, stderr] = ['', ''];
  vi.spyOn(console, 'log').mockImplementation((text) => {
    stdout += `${text}\n`;
  });
  vi.spyOn(console, 'error').mockImplementation((text) => {
    stderr += `${text}\n`;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

const search = (...more: string[]) => runCommand(['search', query, '--in', folder, '--model', 'squeezenet1_1', ...more]);

describe('fovea search', () => {
  it('lists the most similar pictures, says what it did, and draws them', async () => {
    const out = path.join(root, 'grid.png');
    expect(await search('--out', out)).toBe(0);
    expect(stderr).toMatch(/weights are fresh/);
    expect(stderr).toMatch(/skipped notes\.jpg: /);
    expect(stderr).toMatch(/indexed 2 pictures \(2 new, 0 changed, 0 removed\)/);
    const lines = stdout.split('\n');
    expect(lines[0]).toMatch(/^1\.0000 +.*disc\.png$/);
    expect(lines[1]).toMatch(/bars\.png$/);
    const { width, height } = await sharp(out).metadata();
    expect(Math.min(width, height)).toBeGreaterThan(200);
  });

  it('prints JSON', async () => {
    expect(await search('--json', '--topk', '1')).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      query,
      matches: [{ name: 'disc.png', similarity: expect.closeTo(1, 5) }],
      index: { pictures: 2, broken: [{ file: 'notes.jpg' }] },
    });
  });

  it.each([
    [['--topk', '0'], /--topk.*integer from 1/],
    [['--out', 'grid.jpg'], /--out.*\.png/],
    [['--classes', 'x'], /--classes/],
  ])('refuses %j', async (more, message) => {
    expect(await search(...more)).toBe(2);
    expect(stderr).toMatch(message);
  });
});
