import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { toFailure } from '../../engine/threaded/protocol.ts';
import type { PictureFiles } from '../dataset.ts';
import { Filler, type FillReport } from './fill.ts';
import type { Reply, Request } from './protocol.ts';

/** A third of the share of a core that the engine's threads get: more would hold them up, less would starve beside other programs. */
const niceness = 5;

/**
 * Pictures are read in the time that the engine leaves: its threads wait for one another at every primitive, so a worker that takes the core
 * of one of them holds up all. Only on Linux does this mean the calling thread and not the whole program.
 */
function giveWay(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(0, niceness);
  } catch {
    // A sandbox may not allow it: then they share as equals.
  }
}

giveWay();
const port = parentPort!;
const known = new Map<number, Filler | SharedArrayBuffer>();
let queue: Promise<unknown> = Promise.resolve();

async function fill({ id, source, slot, indices, epoch }: Extract<Request, { kind: 'fill' }>): Promise<void> {
  let reply: Reply;
  try {
    const report: FillReport = await (known.get(source) as Filler).fill({ indices, epoch, slot: known.get(slot) as SharedArrayBuffer });
    reply = { id, report };
  } catch (error) {
    reply = { id, error: toFailure(error) };
  }
  port.postMessage(reply);
}

port.on('message', (request: Request) => {
  if (request.kind === 'know') {
    const { number, thing } = request;
    known.set(number, thing instanceof SharedArrayBuffer ? thing : new Filler(thing as PictureFiles));
  } else if (request.kind === 'fill') queue = queue.then(() => fill(request));
  else void queue.then(() => port.close());
});
