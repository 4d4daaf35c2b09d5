// Compiles kernels.as to binary.ts with AssemblyScript, which npx fetches: only who changes the kernels needs it. Run: node src/data/kernels/build.mjs
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const compiler = 'assemblyscript@0.28.20';
const source = fileURLToPath(new URL('kernels.as', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'fovea-kernels-'));
try {
  const entry = join(folder, 'kernels.ts');
  const wasm = join(folder, 'kernels.wasm');
  writeFileSync(entry, readFileSync(source));
  const memory = ['--importMemory', '--noExportMemory', '--sharedMemory', '--maximumMemory', '32768', '--enable', 'threads,simd'];
  const speed = ['-O3', '--converge', '--noAssert', '--runtime', 'stub', '--use', 'abort='];
  execFileSync('npx', ['--yes', '-p', compiler, 'asc', entry, '-o', wasm, ...speed, ...memory], { stdio: 'inherit' });
  const lines = readFileSync(wasm)
    .toString('base64')
    .match(/.{1,120}/g);
  const digest = createHash('sha256').update(readFileSync(source)).digest('hex');
  const text = `// Made from kernels.as by build.mjs with ${compiler}: do not edit.\n/** SHA-256 of the kernels.as it was made from. */\nexport const sourceDigest = '${digest}';\n\nexport const binary: string = [\n${lines.map((line) => `  '${line}',\n`).join('')}].join('');\n`;
  writeFileSync(new URL('binary.ts', import.meta.url), text);
  console.log(`binary.ts: ${readFileSync(wasm).length} bytes of WebAssembly`);
} finally {
  rmSync(folder, { recursive: true });
}
