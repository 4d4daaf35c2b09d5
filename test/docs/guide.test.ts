/** Runs the program of docs/guide.md on real pictures and weights. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { root } from '../e2e/command.ts';
import { blocksIn } from './blocks.ts';

const run = promisify(execFile);
const shared = path.resolve(root, '..', 'shared', 'data');
const hasData = existsSync(shared);
if (!hasData) console.warn(`skipped: the program of the guide, because ${shared} is absent`);

it.skipIf(!hasData)('the program of the guide compiles and trains', async () => {
  const [program] = blocksIn(await readFile(path.join(root, 'docs', 'guide.md'), 'utf8')).filter(({ language }) => language === 'ts');
  // Inside the project: there `fovea` is the project itself.
  await mkdir(path.join(root, '.fovea'), { recursive: true });
  const folder = await mkdtemp(path.join(root, '.fovea', 'guide-'));
  try {
    const here: Readonly<Record<string, string>> = {
      "'flowers'": `'${path.join(shared, 'hymenoptera_data')}'`,
      "'resnet18.pth'": `'${path.join(shared, 'weights', 'squeezenet1_0.pth')}'`,
      "'resnet18'": "'squeezenet1_0'",
      "'runs/roses'": "'run'",
      "'rose.jpg'": `'${path.join(shared, 'hymenoptera_data/val/ants/10308379_1b6c72e180.jpg')}'`,
      'epochs: 5': 'epochs: 1',
    };
    const code = Object.entries(here).reduce((text, [there, instead]) => text.replaceAll(there, instead), program.code);
    for (const there of Object.keys(here)) expect(program.code).toContain(there);
    const file = path.join(folder, 'program.ts');
    await writeFile(file, code);
    const options = ['--ignoreConfig', '--target', 'es2023', '--module', 'nodenext', '--strict', '--skipLibCheck', '--types', 'node'];
    await run(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), ...options, file]).catch(
      ({ stdout }: { stdout: string }) => expect.unreachable(stdout),
    );
    const { stdout } = await run(process.execPath, [path.join(folder, 'program.js')], { cwd: folder });
    expect(stdout).toMatch(/^0\.[5-9]\d* \[/);
    expect(stdout).toContain("className: 'ants'");
  } finally {
    await rm(folder, { recursive: true });
  }
});
