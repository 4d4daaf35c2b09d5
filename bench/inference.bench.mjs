// Inference of each family against ONNX Runtime for Node, batch 1 and 8, both in processes of their own, in turns.
import { families, onnxFile, onnxRuntime } from './families.mjs';
import { Hired } from './hired.mjs';
import { median, ms, times } from './numbers.mjs';
import { torchVersion } from './peer.mjs';

const rounds = 5;

async function measure(family, peerPackage) {
  const { name, size } = family;
  const fovea = new Hired(process.execPath, 'network.mjs', name, `${size}`);
  const peer = peerPackage && new Hired(process.execPath, 'peers/onnxruntime.mjs', peerPackage, onnxFile(family), `${size}`);
  const both = peer ? [fovea, peer] : [fovea];
  for (const one of both) await one.ready();
  const found = [];
  for (const batch of [1, 8]) {
    const order = { kind: 'infer', batch, steps: batch === 1 ? 20 : 5 };
    const lists = both.map(() => []);
    for (const one of both) await one.do(order);
    for (let round = 0; round < rounds; round++) for (const [i, one] of both.entries()) lists[i].push((await one.do(order)).medianMs);
    found.push({ batch, own: lists[0], theirs: lists[1] });
  }
  for (const one of both) one.dismiss();
  return found;
}

export async function bench() {
  const peerPackage = torchVersion() && onnxRuntime();
  const rows = [];
  for (const family of families)
    for (const { batch, own, theirs } of await measure(family, peerPackage)) {
      const ratio = theirs && median(theirs.map((value, i) => value / own[i]));
      rows.push({
        what: `inference, ${family.name}, batch ${batch}`,
        fovea: ms(median(own)),
        peer: theirs ? `${ms(median(theirs))} (onnxruntime-node)` : 'absent',
        result: theirs ? `${times(ratio)} as fast` : '–',
        target: '≥ 0.9×',
        met: theirs ? ratio >= 0.9 : undefined,
      });
    }
  return rows;
}
