/**
 * Runs every command and program of docs/course.md, in the order of the page, and holds docs/course.zh.md to the same ones.
 *
 * A `ts` block is a whole program; the lines of an `sh` block are commands that begin with `npx fovea` or `npx tsx`. Each must end with status 0.
 * Every line of the `text` block below must be printed, in order, numbers but for rounding; a line that begins with … stands for others.
 *
 * Three comments above a block change that:
 *
 *     <!-- test: --epochs 2 --limit 1280 -->         options appended here, because the command alone takes long or needs much
 *     <!-- expect: Test accuracy; R(W) -->           these pieces must be printed; with it, or with `test:`, numbers and the order may differ
 *     <!-- varies: most often -->                    then lines with one of these pieces need not be printed: their words depend on the data
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../e2e/command.ts';
import { type Block, blocksIn, firstMissing, firstUnknown } from './blocks.ts';

const run = promisify(execFile);
const page = (name: string) => readFile(path.join(root, 'docs', name), 'utf8');
const [english, chinese] = await Promise.all([page('course.md'), page('course.zh.md')]);
const blocks = blocksIn(english);
const programs = blocks.filter(({ language }) => language === 'ts');
const commands = blocks.filter(({ language }) => language === 'sh');

const shared = path.resolve(root, '..', 'shared', 'data');
/** Folders of pictures as the page calls them, where they are here, and how many pictures of a class are enough. */
const pictures = [
  { name: 'cifar10/train', from: 'cifar10/train', most: 30 },
  { name: 'cifar10/test', from: 'cifar10/test', most: 8 },
  { name: 'flowers/train', from: 'flowers16/train', most: 4 },
  { name: 'flowers/valid', from: 'flowers16/valid', most: 3 },
];
const hasData = existsSync(shared);
if (!hasData) console.warn(`skipped: the commands that read pictures or weights, because ${shared} is absent`);
const needsData = ({ code }: Block) => /\b(cifar10|flowers|weights\/)/.test(code);

let folder: string;
const fileOf = ({ line }: Block, extension: string) => path.join(folder, `line-${line}.${extension}`);

beforeAll(async () => {
  // Inside the project: there `fovea` is the project itself.
  await mkdir(path.join(root, '.fovea'), { recursive: true });
  folder = await mkdtemp(path.join(root, '.fovea', 'course-'));
  if (hasData) await prepareData();
  await cp(path.join(root, 'examples'), path.join(folder, 'examples'), { recursive: true });
  for (const program of programs) await writeFile(fileOf(program, 'ts'), program.code);
  const examples = commands.flatMap(({ code }) => /npx tsx (\S+)/.exec(code)?.[1] ?? []).map((file) => path.join(folder, file));
  const options = ['--ignoreConfig', '--target', 'es2023', '--module', 'nodenext', '--strict', '--skipLibCheck', '--types', 'node'];
  const files = [...programs.map((program) => fileOf(program, 'ts')), ...examples];
  await run(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), ...options, '--rootDir', folder, ...files]).catch(
    ({ stdout }: { stdout: string }) => expect.unreachable(stdout),
  );
});
async function prepareData(): Promise<void> {
  await symlink(path.join(shared, 'weights'), path.join(folder, 'weights'));
  for (const { name, from, most } of pictures)
    for (const className of await readdir(path.join(shared, from))) {
      const files = (await readdir(path.join(shared, from, className))).sort().slice(0, most);
      for (const file of files) await cp(path.join(shared, from, className, file), path.join(folder, name, className, file));
    }
  await cp(path.join(shared, 'flowers16/cat_to_name.json'), path.join(folder, 'flowers/cat_to_name.json'));
}

afterAll(() => rm(folder, { recursive: true }));

async function node(args: readonly string[]): Promise<string> {
  const env = { ...process.env, FOVEA_CACHE: path.join(folder, 'cache'), FOVEA_DEBUG: '' };
  const { stdout } = await run(process.execPath, args, { cwd: folder, env });
  return stdout;
}

/** Begins a line whose words depend on the processor and on the library that is installed. */
const ofMachine = 'Engine: ';

function checkOutput({ budget, expected, varying, shown }: Block, stdout: string): void {
  for (const piece of expected) expect(stdout).toContain(piece);
  const printed = stdout.split('\n');
  if (expected.length + budget.length > 0)
    expect(firstUnknown(shown, printed, [...varying, ofMachine]), `shown, but not printed with any numbers:\n${stdout}`).toBeUndefined();
  else expect(firstMissing(shown, printed), `shown, but not printed in that order:\n${stdout}`).toBeUndefined();
}

/** What `npx` would start, as arguments of Node. */
function argumentsOf(command: string, budget: readonly string[]): string[] {
  const [npx, tool, ...args] = command.split(' ');
  expect(npx).toBe('npx');
  if (tool === 'fovea') return [path.join(root, 'dist', 'cli', 'main.js'), ...args, ...budget];
  expect(tool).toBe('tsx');
  return [path.join(folder, args[0].replace(/\.ts$/, '.js')), ...args.slice(1), ...budget];
}

describe('docs/course.md', () => {
  it('shows what every command and program prints', () => {
    expect(programs.length).toBeGreaterThan(10);
    expect(commands.length).toBeGreaterThan(10);
    expect(blocks.filter(({ shown }) => shown.length === 0)).toEqual([]);
  });

  it('has the same in Chinese, and links that lead somewhere', () => {
    const withoutLine = ({ line, ...block }: Block) => block;
    expect(blocksIn(chinese).map(withoutLine)).toEqual(blocks.map(withoutLine));
    const sections = (text: string) => text.match(/^## \d+\. /gm);
    expect(sections(chinese)).toEqual(sections(english));
    const images = (text: string) =>
      Array.from(text.matchAll(/\]\(([\w./-]+)\)/g), ([, target]) => target).filter((t) => t.startsWith('images/'));
    expect(images(chinese)).toEqual(images(english));
    for (const picture of images(english)) expect(existsSync(path.join(root, 'docs', picture)), picture).toBe(true);
  });

  describe.concurrent('programs', () => {
    it.each(programs)('line $line', async (program) => checkOutput(program, await node([fileOf(program, 'js')])));
  });

  describe('commands', () => {
    for (const block of commands)
      it.skipIf(needsData(block) && !hasData)(block.code, async () => {
        for (const command of block.code.split('\n')) checkOutput(block, await node(argumentsOf(command, block.budget)));
      });
  });
});
