import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.ts';
import { openIndex, search } from '../../src/search/index.ts';
import { loadCheckpoint } from '../../src/train/checkpoint.ts';
import { openRecognizer } from '../../src/train/recognizer.ts';
import { courseOf, fovea, numbersIn, type Outcome, start } from './command.ts';

/** Names with spaces, quotes, Chinese and an emoji: folders, files and names to show. */
const classes = { "it's blue": [30, 40, 220], 红花: [220, 40, 30], 'green 🌱': [40, 190, 60] } as const;
const names = { 红花: 'red, 红', "it's blue": 'blue "sky"' };
const small = ['--model', 'course-cnn', '--threads', '1', '--workers', '1', '--batch-size', '8', '--lr', '0.003'];

let cwd: string;
let trained: Outcome;

async function draw(folder: string, count: number, seed: string): Promise<void> {
  const rng = new Rng(seed);
  for (const [name, colour] of Object.entries(classes)) {
    await mkdir(path.join(folder, name), { recursive: true });
    for (let i = 0; i < count; i++) {
      const pixels = Uint8Array.from({ length: 48 * 40 * 3 }, (_, p) => Math.min(255, Math.max(0, colour[p % 3] + 70 * rng.normal())));
      await sharp(pixels, { raw: { width: 48, height: 40, channels: 3 } }).toFile(path.join(folder, name, `${i} "é".jpg`));
    }
  }
}

beforeAll(async () => {
  cwd = await mkdtemp(path.join(tmpdir(), 'fovea-pictures-'));
  await draw(path.join(cwd, 'my pictures/train'), 16, 'train');
  await draw(path.join(cwd, 'my pictures/valid'), 5, 'valid');
  await writeFile(path.join(cwd, 'names.json'), JSON.stringify(names));
  await writeFile(path.join(cwd, 'my pictures/train/红花/text.jpg'), 'no picture');
  trained = await fovea(['train', 'my pictures', '--names', 'names.json', '--epochs', '4', '--fit', 'stretch', ...small], { cwd });
});
afterAll(() => rm(cwd, { recursive: true }));

const inRun = (...parts: string[]) => path.join(cwd, 'runs', 'my-pictures', ...parts);
const csvRows = async (name: string) => (await readFile(inRun(name), 'utf8')).trim().split('\n');

describe('fovea train <folder>', () => {
  it('says what it found, what trains, both phases of every epoch, and the answers at the end', () => {
    expect(trained.stderr).toBe('');
    expect(trained.status).toBe(0);
    const { stdout } = trained;
    expect(stdout).toContain('found 48 images in 3 classes to train with');
    expect(stdout).toMatch(/skipped 1 broken file: train\/红花\/text\.jpg/);
    expect(stdout).toContain('Params to learn:\n\tconv1.0.weight\n');
    expect(stdout).toMatch(/^([\d,]+) of \1 numbers$/m);
    expect(stdout.match(/^epoch \d\/4 {2}learning rate /gm)).toHaveLength(4);
    expect(stdout.match(/^ {2}train {2}loss \d+\.\d{4} {2}accuracy \d+\.\d\d%/gm)).toHaveLength(4);
    expect(stdout.match(/^ {2}val {4}loss \d+\.\d{4} {2}accuracy \d+\.\d\d%/gm)).toHaveLength(4);
    const [, accuracy] = /^Validation accuracy (\d+\.\d+)% \(\d+ of 15 pictures right\): epoch \d, kept as weights\/best$/m.exec(stdout)!;
    expect(Number(accuracy)).toBeGreaterThan(85);
    expect(stdout).toContain('Use it: npx fovea predict <pictures or folder> --model runs/my-pictures');
  });

  it('leaves pictures and tables', async () => {
    for (const name of [
      'train_batch.jpg',
      'val_predictions.jpg',
      'worst_mistakes.jpg',
      'confusion_matrix.png',
      'confusion_matrix_normalised.png',
      'curves.png',
    ]) {
      const { format, width } = await sharp(inRun(name)).metadata();
      expect({ name, format }).toEqual({ name, format: name.endsWith('jpg') ? 'jpeg' : 'png' });
      expect(width).toBeGreaterThan(200);
    }
    const perClass = await csvRows('per_class.csv');
    expect(perClass[0]).toBe('class,name,precision,recall,f1,right,images');
    expect(perClass.find((row) => row.startsWith('红花,"red, 红",'))).toMatch(/,5$/);
    const predictions = await csvRows('predictions.csv');
    expect(predictions).toHaveLength(1 + 15);
    expect(predictions[0]).toBe('file,truth,guess,probability,correct,top5');
    expect(predictions[1]).toMatch(/^"valid\/green 🌱\/0 ""é""\.jpg",green 🌱,/);
    const summary = JSON.parse(await readFile(inRun('summary.json'), 'utf8'));
    expect(summary).toMatchObject({ trainImages: 48, validationImages: 15, epochs: 4, model: 'course-cnn', weights: 'none' });
    expect(summary.right / 15).toBeCloseTo(summary.accuracy, 9);
  });

  it('--val-split divides a flat folder; the aliases of the flowers program are understood', async () => {
    const args = [
      'train',
      'my pictures/train',
      '--val-split',
      '0.25',
      '--epochs',
      '1',
      '--save_dir',
      'saved',
      '--category_names',
      'names.json',
    ];
    const { stdout, status, stderr } = await fovea([...args, ...small.slice(0, -2), '--learning_rate', '0.003', '--json'], { cwd });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const [begin] = stdout.split('\n').map((line) => line && JSON.parse(line));
    expect(begin).toMatchObject({ event: 'start', runFolder: 'saved/train', recipe: { lr: 0.003, valSplit: 0.25 } });
    expect(begin.trainImages + begin.testImages).toBe(48);
  });

  it('--lr-find trains nothing, and leaves a picture, a table and a suggestion', async () => {
    const { stdout, status } = await fovea(['train', 'my pictures', '--lr-find', ...small], { cwd });
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Tried \d+ learning rates; nothing was trained\./m);
    expect(stdout).toMatch(/^Suggested: --lr \S+$/m);
    const rows = (await readFile(path.join(cwd, 'runs/my-pictures-lr/lr_find.csv'), 'utf8')).trim().split('\n');
    expect(rows[0]).toBe('lr,loss,smoothed');
    expect(rows.length).toBeGreaterThan(20);
    await expect(readFile(path.join(cwd, 'runs/my-pictures-lr/weights/last.safetensors'))).rejects.toThrow('ENOENT');
  });
});

describe('--lr-find that is stopped', () => {
  it('suggests nothing', async () => {
    const running = start(['train', 'my pictures', '--lr-find', ...small, '--name', 'half'], { cwd });
    await running.saw(/to validate with/);
    running.child.kill('SIGINT');
    const { stdout, stderr, status } = await running.done;
    expect({ stderr, status }).toEqual({ stderr: '', status: 130 });
    expect(stdout).toMatch(/^Stopped after \d+ learning rates: nothing is suggested or written\.$/m);
    expect(stdout).not.toContain('--lr');
  });
});

describe('using a run on pictures', () => {
  it('val finds the same accuracy; with --data that of another folder', async () => {
    const { accuracy } = JSON.parse(await readFile(inRun('summary.json'), 'utf8'));
    const own = JSON.parse((await fovea(['val', 'runs/my-pictures', '--json', '--threads', '1'], { cwd })).stdout);
    expect(own).toMatchObject({ accuracy, images: 15 });
    expect(own.notes.filter((note: string) => note.startsWith('found'))).toEqual(['found 15 images in 3 classes to validate with']);
    const inVain = await fovea(['val', 'runs/my-pictures', '--data-dir', 'x'], { cwd });
    expect(inVain).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^error: \[--data-dir\] expected a run on mnist, got the folder /),
    });
    const other = await fovea(['val', 'runs/my-pictures', '--data', 'my pictures/train', '--threads', '1'], { cwd });
    expect(other.status).toBe(0);
    expect(other.stdout).toMatch(/^Accuracy \d+\.\d\d% of 48 images/m);
    expect(other.stdout).toMatch(/^red, 红 /m);
  });

  it('predict needs the run alone, and gives the numbers of validation', async () => {
    const { stdout, status } = await fovea(['predict', 'my pictures/valid', '--model', 'runs/my-pictures', '--json', '--topk', '1'], {
      cwd,
    });
    expect(status).toBe(0);
    const results: { image: string; guesses: { className: string; prob: number }[] }[] = JSON.parse(stdout);
    const rows = (await csvRows('predictions.csv')).slice(1);
    expect(results).toHaveLength(15);
    for (const { image, guesses } of results) {
      const row = rows.find((text) => text.startsWith(`"${image.replace('my pictures/', '').replaceAll('"', '""')}"`))!;
      const [, probability] = /,(\d[\d.e-]*),(?:true|false),/.exec(row)!;
      expect(guesses[0].prob).toBeCloseTo(Number(probability), 5);
    }
  });

  it('predict says which classes the names leave out', async () => {
    await writeFile(path.join(cwd, 'others.json'), JSON.stringify({ rose: 'Rose' }));
    const told = async (file: string) => {
      const args = ['predict', 'my pictures/valid/红花', '--model', 'runs/my-pictures', '--csv', '--names', file];
      const { stderr, status } = await fovea(args, { cwd });
      expect(status).toBe(0);
      return stderr;
    };
    expect(await told('names.json')).toBe("note: no name given for 1 class: 'green 🌱'\n");
    expect(await told('others.json')).toMatch(/^note: no name given for 3 classes: '.*'\n$/);
  });

  it('predict names what is no picture, and goes on', async () => {
    await writeFile(path.join(cwd, 'empty.jpg'), '');
    const { stdout, stderr, status } = await fovea(
      ['predict', 'empty.jpg', 'my pictures/valid/红花', '--weights', 'runs/my-pictures', '--csv'],
      { cwd },
    );
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: \[empty\.jpg\] expected a picture, got /);
    expect(stdout.trim().split('\n')).toHaveLength(1 + 5);
  });
});

describe('explain and search on a run', () => {
  const picture = 'my pictures/valid/红花/0 "é".jpg';

  it('prepare a picture as the run does, so that explain ends with the probabilities of predict', async () => {
    const explained = await fovea(['explain', 'runs/my-pictures', picture, '--layer', 'softmax', '--label', '红花', '--json'], { cwd });
    expect({ status: explained.status, stderr: explained.stderr }).toEqual({ status: 0, stderr: '' });
    const { derivation } = JSON.parse(explained.stdout);
    const [{ guesses }] = JSON.parse((await fovea(['predict', picture, '--model', 'runs/my-pictures', '--json'], { cwd })).stdout);
    for (const { classIndex, prob } of guesses) expect(derivation.probabilities[classIndex]).toBeCloseTo(prob, 5);
    const red = guesses.find(({ className }: { className: string }) => className === 'red, 红');
    expect(derivation.loss.computed).toBeCloseTo(-Math.log(red.prob), 4);
  });

  it('search finds what the library finds with the run’s preprocessing, and names the classes', async () => {
    const args = ['search', picture, '--in', 'my pictures/valid', '--model', 'runs/my-pictures', '--topk', '5'];
    const { stdout, status } = await fovea([...args, '--json'], { cwd });
    expect(status).toBe(0);
    const { results } = JSON.parse(stdout);
    expect(results[0]).toMatchObject({ name: expect.stringMatching(/^红花\//), className: 'red, 红' });
    const { model, state, preprocessing } = await openRecognizer(inRun());
    const copy = path.join(cwd, 'searched');
    await cp(path.join(cwd, 'my pictures/valid'), copy, { recursive: true });
    const index = await openIndex(copy, { model, state, transforms: preprocessing!, engine: 'reference', workers: 0 });
    const expected = await search(index, path.join(copy, '红花/0 "é".jpg'), { topK: 5 });
    await index.close();
    expect(results.map(({ name }: { name: string }) => name).sort()).toEqual(expected.map(({ name }) => name).sort());
    for (const [i, { similarity }] of expected.entries()) expect(results[i].similarity).toBeCloseTo(similarity, 4);
    expect((await fovea(args, { cwd })).stdout).toMatch(/^红花\/\d "é"\.jpg +0\.\d{4} +red, 红$/m);
  });
});

describe('stopped and resumed', () => {
  const args = () => ['train', 'my pictures', '--epochs', '6', ...small];
  const last = (name: string) => path.join(cwd, 'runs', name, 'weights', 'last.safetensors');

  it.each(['SIGINT', 'SIGKILL'] as const)('by %s in the middle, the bits are those of a run that never stopped', async (signal) => {
    if (signal === 'SIGINT') expect((await fovea([...args(), '--name', 'whole'], { cwd })).status).toBe(0);
    const running = start([...args(), '--name', signal], { cwd });
    await running.saw(/^epoch 2\/6/m);
    running.child.kill(signal);
    await running.done;
    const { stderr, status } = await fovea(['train', '--resume', `runs/${signal}`], { cwd });
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    expect(await numbersIn(last(signal))).toEqual(await numbersIn(last('whole')));
    expect(await courseOf(last(signal))).toEqual(await courseOf(last('whole')));
  });
});

describe('a folder that changed after the run', () => {
  it('is refused where its classes are others; the run itself is used with --data', async () => {
    await cp(path.join(cwd, 'my pictures'), path.join(cwd, 'garden'), { recursive: true });
    const trainGarden = ['train', 'garden', '--epochs', '6', ...small];
    const running = start([...trainGarden, '--limit', '24'], { cwd });
    await running.saw(/^epoch 1\/6/m);
    running.child.kill('SIGINT');
    expect(await running.done).toMatchObject({ status: 130, stderr: '' });
    for (const part of ['train', 'valid'])
      await cp(path.join(cwd, 'garden', part, '红花'), path.join(cwd, 'garden', part, 'a rose'), { recursive: true });
    const told = /expected the 3 classes it was trained on, got 'a rose' is new/;
    const resumed = await fovea(['train', '--resume', 'runs/garden'], { cwd });
    expect(resumed).toMatchObject({ status: 1, stderr: expect.stringMatching(told) });
    expect(await fovea(['val', 'runs/garden'], { cwd })).toMatchObject({ status: 1, stderr: expect.stringMatching(told) });
    expect(await fovea(['val', 'runs/garden', '--data', 'garden'], { cwd })).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/folders named as the recognizer's 3 classes .*, got 'a rose'/),
    });
    expect(await fovea(['val', 'runs/garden', '--data', 'my pictures/valid'], { cwd })).toMatchObject({ status: 0, stderr: '' });

    await rm(path.join(cwd, 'garden'), { recursive: true });
    expect(await fovea(['val', 'runs/garden'], { cwd })).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/garden\] expected the pictures that the run validates with, .*--data <folder>/),
    });
    // The pictures lie elsewhere now, and so does the user.
    const elsewhere = await fovea(['train', path.join(cwd, 'my pictures'), '--resume', path.join(cwd, 'runs/garden')], { cwd: tmpdir() });
    expect(elsewhere).toMatchObject({ status: 0, stderr: '' });
    expect(await fovea(['val', inRun()], { cwd: tmpdir() })).toMatchObject({ status: 0, stderr: '' });
  });
});

describe('a run with names', () => {
  it('carries them: their file may be gone, and the pictures elsewhere', async () => {
    const [before, after] = ['named', 'named elsewhere'].map((name) => path.join(cwd, name));
    await cp(path.join(cwd, 'my pictures'), before, { recursive: true });
    await writeFile(path.join(before, 'names.json'), JSON.stringify(names));
    const running = start(['train', 'named', '--names', 'named/names.json', '--epochs', '6', ...small], { cwd });
    await running.saw(/^epoch 1\/6/m);
    running.child.kill('SIGINT');
    expect(await running.done).toMatchObject({ status: 130, stderr: '' });

    await rm(path.join(before, 'names.json'));
    expect(await fovea(['val', 'runs/named'], { cwd })).toMatchObject({ status: 0, stdout: expect.stringMatching(/^red, 红 /m) });
    await rename(before, after);
    const resume = ['--resume', 'runs/named', '--epochs', '3'];
    expect(await fovea(['train', ...resume], { cwd })).toMatchObject({
      status: 1,
      stderr: `error: [${before}] expected the pictures that the run trains with, got nothing of that name. If they moved: npx fovea train <new place> --resume runs/named.\n`,
    });
    expect(await fovea(['train', 'named elsewhere', ...resume], { cwd })).toMatchObject({ status: 0, stderr: '' });
    const shown = async () =>
      (await readFile(path.join(cwd, 'runs/named/per_class.csv'), 'utf8')).split('\n').find((row) => row.startsWith('红花'));
    expect(await shown()).toMatch(/^红花,"red, 红",/);

    await writeFile(path.join(after, 'names.json'), JSON.stringify({ ...names, 红花: 'scarlet' }));
    const renamed = ['train', 'named elsewhere', '--resume', 'runs/named', '--names', 'named elsewhere/names.json', '--epochs', '4'];
    expect(await fovea(renamed, { cwd })).toMatchObject({ status: 0, stderr: '' });
    expect(await shown()).toMatch(/^红花,scarlet,/);
  });
});

describe('what goes wrong', () => {
  async function expectFailure(args: readonly string[], status: number, message: RegExp, env?: Record<string, string>): Promise<void> {
    const outcome = await fovea(['train', ...args, ...small.slice(2)], { cwd, env });
    expect(outcome.stderr).toMatch(message);
    expect(outcome.stderr).not.toMatch(/^\s+at /m);
    expect(outcome.status).toBe(status);
  }
  const cnn = ['--model', 'course-cnn'];

  it('in the folder is named', async () => {
    await mkdir(path.join(cwd, 'empty'));
    await expectFailure(['empty', ...cnn], 1, /^error: \[\S*empty\] expected class folders with pictures/);
    await cp(path.join(cwd, 'my pictures/train/红花'), path.join(cwd, 'one/train/红花'), { recursive: true });
    await cp(path.join(cwd, 'my pictures/valid/红花'), path.join(cwd, 'one/val/红花'), { recursive: true });
    await expectFailure(['one', ...cnn], 1, /expected two or more classes with pictures, got only '红花'/);
    await expectFailure(['my pictures/train', ...cnn], 1, /expected a validation part.*--val-split 0\.2/);
    await expectFailure(['my pictures', '--strict', ...cnn], 1, /text\.jpg\] expected a picture/);
    await expectFailure(
      ['no/such', ...cnn],
      2,
      /^error: \[data set\] expected one of mnist, or a folder of pictures, got 'no\/such', which is not there/,
    );
  });

  it('a class folder without pictures is reported, and training goes on', async () => {
    await cp(path.join(cwd, 'my pictures'), path.join(cwd, 'gap'), { recursive: true });
    await mkdir(path.join(cwd, 'gap/train/none'));
    const { stdout, status } = await fovea(['train', 'gap', '--epochs', '1', ...small], { cwd });
    expect(status).toBe(0);
    expect(stdout).toContain("1 class folder without pictures: 'train/none'");
  });

  it('with weights of another architecture or another number of classes', async () => {
    const weights = path.join('runs', 'my-pictures', 'weights', 'best.safetensors');
    await expectFailure(
      ['my pictures', '--model', 'resnet18', '--weights', weights],
      1,
      /expected the weights of resnet18, got keys that do not fit.*They fit 'course-cnn'/,
    );
    await cp(path.join(cwd, 'my pictures'), path.join(cwd, 'two'), { recursive: true });
    for (const part of ['train', 'valid']) await rm(path.join(cwd, 'two', part, '红花'), { recursive: true });
    const fresh = await fovea(['train', 'two', '--weights', weights, '--epochs', '1', ...small], { cwd });
    expect({ status: fresh.status, stderr: fresh.stderr }).toEqual({ status: 0, stderr: '' });
    expect(fresh.stdout).toContain('Params to learn:\n\tout.weight\n\tout.bias\n');
  });

  it('--weights imagenet without a network says which file to put where', async () => {
    const offline = `--import=data:text/javascript,${encodeURIComponent("globalThis.fetch=()=>Promise.reject(new TypeError('fetch failed'))")}`;
    const env = { NODE_OPTIONS: offline, FOVEA_CACHE: path.join(cwd, 'cache') };
    const where = /squeezenet1_0-b66bff10\.pth\].*download it elsewhere and put it at \S*cache\/squeezenet1_0-b66bff10\.pth/;
    await expectFailure(['my pictures', '--model', 'squeezenet1_0', '--weights', 'imagenet'], 1, where, env);
    await expectFailure(
      ['my pictures', ...cnn, '--weights', 'imagenet'],
      2,
      /\[--weights\] expected a file: there are no ImageNet weights for course-cnn/,
    );
  });

  it.skipIf(process.getuid?.() !== 0)('a disk that is full in mid-run leaves the older checkpoint (needs root)', async (context) => {
    const disk = path.join(cwd, 'disk');
    await mkdir(disk);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=450k', 'tmpfs', disk], { stdio: 'ignore' });
    } catch {
      context.skip('this machine does not let us mount');
    }
    try {
      await expectFailure(
        ['my pictures', '--out', 'disk', '--name', 'full', ...cnn],
        1,
        /expected to write the file, got ENOSPC.*The disk is full/,
      );
      expect((await loadCheckpoint(path.join(disk, 'full/weights/last.safetensors'))).metadata.model).toBe('course-cnn');
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});
