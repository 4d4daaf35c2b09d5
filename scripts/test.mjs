// `npm test [-- options]`: sets everything up, then checks types and style and runs every test. Options go to vitest.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { setupOnednn } from './setup-onednn.mjs';
import { build, inRoot, installPackages, requireNode, runTool } from './steps.mjs';

requireNode('20.19');
installPackages();
await setupOnednn();
build();

const report = inRoot('.fovea', 'vitest.json');
mkdirSync(inRoot('.fovea'), { recursive: true });
rmSync(report, { force: true });
const checks = {
  'type check': ['typescript/bin/tsc', ['--noEmit']],
  lint: ['@biomejs/biome/bin/biome', ['check']],
  tests: ['vitest/vitest.mjs', ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...process.argv.slice(2)]],
};
const failed = [];
for (const [name, [tool, args]] of Object.entries(checks)) {
  console.log(`\n— ${name}`);
  const status = runTool(tool, args);
  if (status > 128) process.exit(status);
  if (status !== 0) failed.push(name);
}

function countTests() {
  try {
    return JSON.parse(readFileSync(report, 'utf8'));
  } catch {
    return { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 };
  }
}
const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = countTests();
const skipped = numPendingTests + numTodoTests;
console.log(failed.length > 0 ? `\nFailed: ${failed.join(', ')}.` : '\nTypes, style and tests are in order.');
process.exitCode = failed.length > 0 || numPassedTests === 0 ? 1 : 0;
console.log(`${numPassedTests} passed, ${numFailedTests} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
