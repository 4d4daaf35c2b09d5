import { availableParallelism } from 'node:os';
import { columns } from '../core/columns.ts';
import { messageOf } from '../core/errors.ts';
import type { EngineInfo } from '../engine/engine.ts';
import { openEngine } from '../engine/threaded/index.ts';
import { printLines } from './print.ts';

async function tryEngine(engine: 'onednn' | 'reference'): Promise<EngineInfo | string> {
  try {
    const opened = await openEngine({ engine });
    await opened.close();
    return opened.info;
  } catch (error) {
    return messageOf(error);
  }
}

/** Which engine a run would use. Status 1 if it is not oneDNN. */
export async function doctorCommand({ json, version }: { json?: boolean; version: string }): Promise<number> {
  const onednn = await tryEngine('onednn');
  const found = typeof onednn !== 'string';
  const machine = {
    fovea: version,
    node: process.versions.node,
    platform: `${process.platform} ${process.arch}`,
    cores: availableParallelism(),
  };
  if (json) {
    console.log(JSON.stringify({ ...machine, engine: found ? onednn : null, problem: found ? null : onednn }, null, 2));
    return found ? 0 : 1;
  }
  const engine = found
    ? { engine: `oneDNN ${onednn.version}`, file: onednn.file, 'instruction set': onednn.isa, threads: onednn.threads }
    : { engine: 'portable (TypeScript): works everywhere, but is slow' };
  printLines(
    columns(
      Object.entries({ ...machine, ...engine }).map(([name, value]) => [name, `${value}`]),
      { textColumns: 2 },
    ),
  );
  if (!found) console.log(`\noneDNN cannot be used: ${onednn}`);
  return found ? 0 : 1;
}
