import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    // Native code keeps state per process and thread, so every file gets a process of its own.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Two files run at once: one native thread each unless a test asks for more.
    env: { OMP_NUM_THREADS: '1', OMP_WAIT_POLICY: 'passive' },
  },
});
