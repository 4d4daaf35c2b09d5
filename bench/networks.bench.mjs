// A whole training step of each family at batch 8 against PyTorch, both in processes of their own, in turns; and the most memory each took.
import { families } from './families.mjs';
import { Hired } from './hired.mjs';
import { median, ms, times } from './numbers.mjs';
import { python, threadChoices, torchVersion } from './peer.mjs';

const batch = 8;
const rounds = 3;
const steps = 3;

async function measure({ name, size }, hasPeer) {
  const fovea = new Hired(process.execPath, 'network.mjs', name, `${size}`);
  const peer = hasPeer && new Hired(python, 'peers/network.py', name, `${size}`);
  await fovea.ready();
  if (peer) await peer.ready();
  const order = { kind: 'train', batch };
  await fovea.do({ ...order, steps: 2 });
  const own = [];
  const theirs = new Map(hasPeer ? threadChoices.map((threads) => [threads, []]) : []);
  let memory;
  for (let round = 0; round < rounds; round++) {
    const answer = await fovea.do({ ...order, steps });
    own.push(answer.medianMs);
    memory = { own: answer.peakMiB, peer: memory?.peer };
    for (const [threads, list] of theirs) {
      const { medianMs, peakMiB } = await peer.do({ ...order, steps: 2, threads });
      list.push(medianMs);
      memory.peer = peakMiB;
    }
  }
  fovea.dismiss();
  if (peer) peer.dismiss();
  const [threads, best] = [...theirs].sort((a, b) => median(a[1]) - median(b[1]))[0] ?? [];
  return { own, threads, best, memory };
}

export async function bench() {
  const hasPeer = Boolean(torchVersion());
  const rows = [];
  for (const family of families) {
    const { own, threads, best, memory } = await measure(family, hasPeer);
    const ratio = best && median(best.map((value, i) => value / own[i]));
    const target = family.target ?? 2;
    const mib = (value) => `${Math.round(value)} MiB`;
    rows.push({
      what: `training step, ${family.name}, ${family.size} px, batch ${batch}`,
      fovea: `${ms(median(own))}, at most ${mib(memory.own)}`,
      peer: best ? `${ms(median(best))} (${threads} threads), at most ${mib(memory.peer)}` : 'absent',
      result: best ? `${times(ratio)} as fast, ${times(memory.own / memory.peer)} the memory` : '–',
      target: `≥ ${target}×, memory ≤ 1×`,
      met: best ? ratio >= target && memory.own <= memory.peer : undefined,
    });
  }
  return rows;
}
