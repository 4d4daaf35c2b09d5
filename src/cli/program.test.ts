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
    [['train', 'mist'], "error: [data set] expected one of mnist, or a folder of pictures, got 'mist'. Did you mean 'mnist'?\n"],
    [['train'], 'error: [train] expected a data set (mnist), a folder of pictures or --resume <run>, got neither.\n'],
    [['train', 'mnist', '--model', 'course-cn'], "got 'course-cn'. Did you mean 'course-cnn'?\n"],
    [['train', 'mnist', '--epochs', 'many'], "error: [--epochs] expected an integer from 1, got 'many'.\n"],
    [['train', 'mnist', '--batch-size', '0'], 'error: [--batch-size] expected an integer from 1, got 0.\n'],
    [['train', 'mnist', '--lr', '-0.1'], 'error: [--lr] expected a number above 0, got -0.1.\n'],
    [['train', 'mnist', '--optimizer', 'adamm'], "error: [--optimizer] expected adam, adamw or sgd, got 'adamm'. Did you mean 'adam'?\n"],
    [['train', 'mnist', '--engine', 'cuda'], "error: [--engine] expected auto, onednn or reference, got 'cuda'.\n"],
    [['train', 'mnist', '--name', '../x'], 'error: [run name] expected letters'],
    [['summary', 'alexnet', '--json', '--csv'], "error: option '--csv' cannot be used with option '--json'\n"],
    [
      ['train', 'mnist', '--resume', 'runs/mnist', '--lr-find'],
      'error: [--lr-find] expected a run that begins, got --resume as well. It tries learning rates for fresh weights',
    ],
    [['train', 'mnist', '--resume', ''], "error: [--resume] expected a value, <run>, got ''. A variable of the shell may be empty;"],
    [['train', 'mnist', '--out='], "error: [--out] expected a value, <folder>, got ''."],
    [['train', '.', '--names', ''], "error: [--names] expected a value, <file>, got ''."],
    [['train', 'mnist', '--category_names', ''], "error: [--category_names] expected a value, <file>, got ''."],
    [['predict', 'a.png', '--model', ''], "error: [--model] expected a value, <run|name>, got ''."],
    [['knn', 'mnist', '--out', ''], "error: [--out] expected a value, <folder>, got ''."],
    [['predict', 'a.png'], 'error: [predict] expected --model <run>, got none.\n'],
    [
      ['predict', 'a.png', '--model', 'x', '--weights', 'x'],
      "error: [--weights] expected a model’s name as --model, got the run 'x', which has its own.\n",
    ],
    [['predict', 'a.png', '--weights', 'x', '--classes', '9'], "error: [--classes] expected a model’s name as --model, got the run 'x'"],
    [
      ['predict', 'a.png', '--model', 'resnet18'],
      'error: [--weights] expected trained weights of resnet18, got none. --weights imagenet, or',
    ],
    [
      ['train', 'mnist', '--arch', 'vgg16', '--model', 'vgg16'],
      'error: [--arch] expected one of two names for an option, got --model as well.\n',
    ],
    [['train', 'mnist', '--learning_rate', '0'], 'error: [--learning_rate] expected a number above 0, got 0.\n'],
    [['train', 'mnist', '--hidden_units=0'], 'error: [--hidden_units] expected an integer from 1, got 0.\n'],
    [['train', 'mnist', '--limit', '9', '--model', 'resnt18'], 'error: [--model] expected one of'],
    [['train', 'mnist', '--limit', '9', '--arch', 'resnt18'], 'error: [--arch] expected one of'],
    [['train', 'mnist', '--limit', '9', '--model', 'squeezenet1_0', '--hidden-units', '7'], 'error: [--hidden-units] expected a network'],
    [['train', 'mnist', '--limit', '9', '--freeze', 'all'], 'error: [--freeze] expected none, backbone, '],
    [['train', 'mnist', '--limit', '9', '--weights', 'imagenet'], 'error: [--weights] expected a file: there are no'],
    [['summary', 'resnt18'], 'error: [model] expected one of'],
    [
      ['train', '.', '--unfreeze-epoch', '2', '--freeze', 'none'],
      'error: [--unfreeze-epoch] expected something frozen before (--freeze), got nothing frozen.\n',
    ],
    [['predict', 'a.png', '--weights', 'x', '--topk', '0'], 'error: [--topk] expected an integer from 1, got 0.\n'],
    [['predict', 'a.png', '--weights', 'x', '--top_k', '0'], 'error: [--top_k] expected an integer from 1, got 0.\n'],
  ])('%j', async (args, message) => {
    expect(await runCommand(args)).toBe(2);
    expect(stderr).toContain(message);
  });
});

it('help lists the names an option may have, and its defaults', async () => {
  let stdout = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    stdout += text;
    return true;
  });
  expect(await runCommand(['train', '--help'])).toBe(0);
  const words = stdout.replaceAll(/\s+/g, ' ');
  for (const names of [
    'optimizer: adam, adamw or sgd (default: adam)',
    'constant, step or cosine (default',
    'auto, onednn or reference (default',
    '(default: 3; of folders: 15 where only the head trains, else 10)',
    '(default: 0.001; of folders: 0.003 where only the head trains, else 0.001)',
    'Models: alexnet, course-cnn, densenet121, ',
    'resnet50, resnet101, ',
    '(default: 64; of folders: 16)',
  ])
    expect(words).toContain(names);
});
