// `npm run bench [-- --only part,part]`: measures Fovea and its peer in turns and prints a table; a full run writes bench/RESULTS.md.
import { fork, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { basename } from 'node:path';
import { torchVersion } from '../bench/peer.mjs';
import { setupOnednn } from './setup-onednn.mjs';
import { build, inRoot, installPackages, requireNode, root, stop } from './steps.mjs';

const parts = ['step', 'project', 'steady', 'bits', 'loader', 'networks', 'inference', 'transfer', 'knn'];
/** Parts that a full run leaves out. */
const extraParts = ['seeds'];
const allParts = [...parts, ...extraParts];
const [option, list, ...rest] = process.argv.slice(2);
const chosen = option === '--only' ? (list ?? '').split(',') : parts;
const unknown = chosen.find((part) => !allParts.includes(part));
if ((option && option !== '--only') || rest.length > 0 || unknown !== undefined)
  stop(`[bench] expected --only with parts among ${allParts.join(', ')}, got ${process.argv.slice(2).join(' ')}.`, 2);

requireNode('20.9');
installPackages();
await setupOnednn();
build();

/** What a part sends; every part has a process of its own, so that none inherits another's memory or threads. */
const measured = (part) =>
  new Promise((resolve, reject) => {
    const child = fork(inRoot('bench', 'part.mjs'), [part], { cwd: root });
    let answer;
    child.on('message', (message) => {
      answer = message;
    });
    child.on('exit', (status) => (answer && status === 0 ? resolve(answer) : reject(new Error(`bench ${part} ended with ${status}`))));
  });

const load = loadavg()[0];
if (load > 0.5) console.log(`The machine is busy (load ${load.toFixed(1)}): what follows is only as good as that.`);
const git = (...args) => spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout?.trim() ?? '';
const engine = await measured('machine');
const torch = torchVersion();
const changed = git('status', '--porcelain', '--', 'src', 'package-lock.json') ? ' with uncommitted changes' : '';
const facts = {
  command: `npm run bench${option ? ` -- ${option} ${list}` : ''}`,
  date: new Date().toISOString().slice(0, 16).replace('T', ' '),
  commit: `${git('rev-parse', '--short', 'HEAD') || 'none'}${changed}`,
  machine: `${cpus()[0].model}, ${cpus().length} cores, ${engine.isa}, load ${load.toFixed(1)} at the start`,
  engine: `${engine.name} ${engine.version} (${basename(engine.file)}), ${engine.threads} threads, Node ${process.versions.node}`,
  peer: torch ? `PyTorch ${torch}, the faster of 1 and ${cpus().length} threads` : 'absent: /usr/bin/python3 cannot import torch',
};

const rows = [];
for (const part of chosen) {
  console.log(`Measuring ${part} …`);
  rows.push(...(await measured(part)));
}

const verdict = (met, target) => (target === '–' ? '–' : met === undefined ? 'not measured' : met ? 'yes' : 'no');
const cells = rows.map(({ what, fovea, peer, result, target, met }) => [what, fovea, peer, result, target, verdict(met, target)]);
const head = ['what', 'Fovea', 'peer', 'result', 'target', 'met'];
const widths = head.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i].length)));
const line = (row) => `| ${row.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`;
const table = [line(head), line(widths.map((width) => '-'.repeat(width))), ...cells.map(line)].join('\n');
const factLines = Object.entries(facts).map(([name, value]) => `- ${name}: ${value}`);
const page = `# Measurements\n\n${factLines.join('\n')}\n\n${table}\n`;
console.log(`\n${page}`);
if (!option) writeFileSync(inRoot('bench', 'RESULTS.md'), page);
