import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DataError } from '../core/errors.ts';
import { reportFailure } from './failure.ts';

let stderr = '';
beforeEach(() => {
  stderr = '';
  vi.stubEnv('FOVEA_DEBUG', '');
  vi.spyOn(console, 'error').mockImplementation((text) => {
    stderr += `${text}\n`;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

it('says that the working folder was deleted', () => {
  const error = Object.assign(new Error('ENOENT: no such file or directory, uv_cwd'), { code: 'ENOENT', syscall: 'uv_cwd' });
  const words = 'error: [working folder] expected a folder, got one that was deleted. Go to another one with cd.\n';
  expect(reportFailure(error)).toBe(1);
  expect(reportFailure(new DataError({ where: 'runs', expected: 'a folder', got: error.message }, { cause: error }))).toBe(1);
  expect(stderr).toBe(words + words);
});

it.each([
  ['it broke', 'error: it broke. This should not happen: FOVEA_DEBUG=1 shows where it did.\n'],
  ['It broke.', 'error: It broke. This should not happen: FOVEA_DEBUG=1 shows where it did.\n'],
])('ends the sentence of an error that nobody foresaw: %s', (message, line) => {
  expect(reportFailure(new Error(message))).toBe(1);
  expect(stderr).toBe(line);
});

it('shows control characters instead of sending them to the terminal', () => {
  reportFailure(new DataError({ where: 'a\u001b[2J\nb.jpg', expected: 'a picture', got: '红花 \0 🌱' }));
  expect(stderr).toBe('error: [a\\u001b[2J\\u000ab.jpg] expected a picture, got 红花 \\u0000 🌱.\n');
});

it('gives an error without a place none, whatever was typed', () => {
  reportFailure(new DataError({ expected: 'a picture', got: 'none' }), ['predict', '--', '-a.jpg']);
  expect(stderr).toBe('error: expected a picture, got none.\n');
});
