import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runCommand } from './program.ts';

let stderr = '';
beforeEach(() => {
  stderr = '';
  vi.spyOn(console, 'error').mockImplementation((text) => {
    stderr += `${text}\n`;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    stderr += text;
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe('wrong usage ends with 2', () => {
  it.each([
    [['trian', 'mnist'], "error: unknown command 'trian'\n(Did you mean train?)"],
    [['train', 'mnist', '--epoch', '3'], "error: unknown option '--epoch'\n(Did you mean --epochs?)"],
    [['train', 'mist'], "error: [data set] expected one of mnist, got 'mist'. Did you mean 'mnist'?\n"],
    [['train'], 'error: [train] expected a data set (mnist) or --resume <run>, got neither.\n'],
    [['train', 'mnist', '--model', 'course-cn'], "got 'course-cn'. Did you mean 'course-cnn'?\n"],
    [['train', 'mnist', '--epochs', 'many'], "error: [--epochs] expected an integer from 1, got 'many'.\n"],
    [['train', 'mnist', '--batch-size', '0'], 'error: [--batch-size] expected an integer from 1, got 0.\n'],
    [['train', 'mnist', '--lr', '-0.1'], 'error: [--lr] expected a number above 0, got -0.1.\n'],
    [['train', 'mnist', '--optimizer', 'adamm'], "error: [--optimizer] expected adam, adamw or sgd, got 'adamm'. Did you mean 'adam'?\n"],
    [['train', 'mnist', '--engine', 'cuda'], "error: [--engine] expected auto, onednn or reference, got 'cuda'.\n"],
    [['train', 'mnist', '--name', '../x'], 'error: [run name] expected letters'],
    [['predict', 'a.png'], "error: required option '--weights <run>' not specified"],
    [['predict', 'a.png', '--weights', 'x', '--topk', '0'], 'error: [--topk] expected an integer from 1, got 0.\n'],
  ])('%j', async (args, message) => {
    expect(await runCommand(args)).toBe(2);
    expect(stderr).toContain(message);
  });
});
