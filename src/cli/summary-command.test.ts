import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Summary } from '../explain/index.ts';
import { runCommand } from './program.ts';

let [stdout, stderr] = ['', ''];
beforeEach(() => {
  [stdout, stderr] = ['', ''];
  vi.spyOn(console, 'log').mockImplementation((text) => {
    stdout += `${text}\n`;
  });
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    stdout += text;
    return true;
  });
  vi.spyOn(console, 'error').mockImplementation((text) => {
    stderr += `${text}\n`;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe('fovea summary', () => {
  it('prints a model as text', async () => {
    expect(await runCommand(['summary', 'alexnet'])).toBe(0);
    expect(stdout).toContain('alexnet, input 3×224×224');
    expect(stdout).toContain('61,100,840 parameters');
    expect(stdout).toContain(
      '8 layers with parameters on the longest way from the picture to the scores: 5 convolutions, 3 fully connected.',
    );
  });

  it('takes another picture and other classes', async () => {
    expect(await runCommand(['summary', 'resnet18', '--input', '3,96,64', '--classes', '7', '--json'])).toBe(0);
    const summary = JSON.parse(stdout) as Summary;
    expect(summary.inputShape).toEqual([3, 96, 64]);
    expect(summary.layers.at(-1)).toMatchObject({ name: 'fc', outputShape: [7], parameters: 7 * 513 });
    expect(summary.layers[0].sizeFormulas).toEqual(['⌊(96 − 7 + 2·3)/2⌋ + 1 = 48', '⌊(64 − 7 + 2·3)/2⌋ + 1 = 32']);
  });

  it('prints a table for spreadsheets', async () => {
    expect(await runCommand(['summary', 'course-cnn', '--csv'])).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(9);
    expect(lines[1]).toBe('conv1.0,Conv2d,16x28x28,(28 − 5 + 2·2)/1 + 1 = 28,416,326144,0,313600,627200,5,5,false,1,1,0,0');
    expect(lines[8]).toBe('out,Linear,10,1568 → 10,15690,15690,0,15680,31360,28,28,true,,,,');
  });

  it.each([
    [['alexnt'], 2, "got 'alexnt'. Did you mean 'alexnet'?"],
    [['alexnet', '--input', '224'], 2, "[--input] expected integers from 1, such as 3,224,224, got '224'."],
    [['alexnet', '--input', '3,20,20'], 1, 'error: ['],
    [['alexnet', '--classes', 'many'], 2, "[--classes] expected an integer from 1, got 'many'."],
    [['./no-such-run'], 1, '[./no-such-run] expected a run folder or a checkpoint, got nothing of that name.'],
  ])('%j ends with %i', async (args, status, message) => {
    expect(await runCommand(['summary', ...args])).toBe(status);
    expect(stderr).toContain(message);
  });
});
