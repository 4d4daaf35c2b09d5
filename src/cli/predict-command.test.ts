import { afterEach, expect, it, vi } from 'vitest';
import { predict } from '../train/predict.ts';
import { openRecognizer, type Recognizer } from '../train/recognizer.ts';
import { predictCommand } from './predict-command.ts';

vi.mock('./expand-pictures.ts', () => ({ expandPictures: async (files: string[]) => files }));
vi.mock('../data/digit.ts', () => ({
  readDigit: async (file: string) => {
    if (file === 'blank') throw new Error('a blank picture');
    return { dtype: 'f32', shape: [1, 1, 1], data: Float32Array.of(Number(file)) };
  },
}));
vi.mock('../train/predict.ts', () => ({
  predict: vi.fn<typeof predict>(async ({ x }) => Array.from(x.data, (value) => [{ className: `${value}`, classIndex: 0, prob: 1 }])),
}));
vi.mock('../train/recognizer.ts');

afterEach(() => {
  vi.restoreAllMocks();
});

it('many digits go through one engine, some at a time, and keep their order', async () => {
  vi.mocked(openRecognizer).mockResolvedValue({ classes: ['0'], preprocessing: undefined } as unknown as Recognizer);
  const print = vi.spyOn(console, 'log').mockImplementation(() => {});
  vi.spyOn(console, 'error').mockImplementation(() => {});
  const images = Array.from({ length: 450 }, (_, i) => (i === 7 ? 'blank' : `${i}`));
  expect(await predictCommand({ images, model: 'run', json: true, engine: 'reference' })).toBe(1);
  const calls = vi.mocked(predict).mock.calls.map(([options]) => options);
  expect(Math.max(...calls.map(({ x }) => x.shape[0]))).toBeLessThanOrEqual(100);
  expect(new Set(calls.map(({ engine }) => engine)).size).toBe(1);
  expect(calls[0].engine).toBeTypeOf('object');
  const results: { image: string; guesses?: { className: string }[] }[] = JSON.parse(print.mock.calls[0][0]);
  expect(results.map(({ image }) => image)).toEqual(images);
  expect(results.map(({ guesses }) => guesses?.[0].className ?? 'blank')).toEqual(images);
});
