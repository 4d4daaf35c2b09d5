// PyTorch as the peer: Debian's python3-torch, if it is there.
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

export const python = '/usr/bin/python3';
const script = (name) => fileURLToPath(new URL(`peers/${name}`, import.meta.url));

/** PyTorch's version, or undefined where it cannot be imported. */
export function torchVersion() {
  const { status, stdout } = spawnSync(python, ['-c', 'import torch; print(torch.__version__)'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** Thread counts to try: PyTorch is given whichever serves it best. */
export const threadChoices = [...new Set([1, availableParallelism()])];

/** Runs a script of `peers/` to its end and returns what it printed last, as JSON. */
export function runPeer(name, args) {
  const { status, stdout, stderr } = spawnSync(python, ['-B', script(name), ...args.map(String)], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${name}: ${stderr.trim().split('\n').at(-1)}`);
  return JSON.parse(stdout.trim().split('\n').at(-1));
}
