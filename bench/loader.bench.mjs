// The loader on the course's training list and the flowers, against torchvision's: one thread with its parts, then as many workers as there are cores.
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Rng } from '../dist/core/index.js';
import { openLoader } from '../dist/data/loader/index.js';
import { batchIndices, epochOrder } from '../dist/data/order.js';
import { openPicture } from '../dist/data/picture.js';
import { Scratch } from '../dist/data/scratch.js';
import { compose, presetTransforms } from '../dist/data/transforms/index.js';
import { Hired } from './hired.mjs';
import { median, times } from './numbers.mjs';
import { python, torchVersion } from './peer.mjs';

const rounds = 5;
const imagesPerRound = 160;
const batchSize = 8;
const folder = fileURLToPath(new URL('../../shared/data/flowers16/train', import.meta.url));
const { train } = presetTransforms('course');

const pictureFiles = () =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.jpg'))
    .sort();

function flowers() {
  const files = pictureFiles().map((name) => join(folder, name));
  const pictures = { files, transforms: train, seed: 0, sampleShape: [3, 224, 224] };
  return { name: 'flowers', length: files.length, classes: [], sampleShape: [3, 224, 224], labels: new Int32Array(files.length), pictures };
}

/** Mean time of each part of a picture in this thread, in ms. */
async function timeParts(files, round) {
  const pipeline = compose(train);
  const writing = compose(train.slice(-2));
  const scratch = new Scratch();
  const into = new Float32Array(3 * 224 * 224);
  const plain = { width: 224, height: 224, data: new Uint8Array(3 * 224 * 224) };
  const steps = writing.draw(undefined, plain);
  const spent = { open: 0, decode: 0, write: 0, all: 0 };
  for (const [index, file] of files.entries()) {
    const start = performance.now();
    await pipeline.load(await openPicture(file), new Rng(0, 'augment', round, index), into);
    spent.all += performance.now() - start;
    const opening = performance.now();
    const picture = await openPicture(file);
    const needs = pipeline.needs(pipeline.draw(new Rng(0, 'augment', round, index), picture), picture);
    const decoding = performance.now();
    picture.decodeNow(needs, scratch);
    const writingFrom = performance.now();
    writing.replay(plain, steps, into);
    spent.write += performance.now() - writingFrom;
    spent.decode += writingFrom - decoding;
    spent.open += decoding - opening;
  }
  return Object.fromEntries(Object.entries(spent).map(([part, ms]) => [part, ms / files.length]));
}

async function imagesPerSecond(loader, dataset, epoch) {
  const order = batchIndices(epochOrder(dataset.length, { seed: 0, epoch }), batchSize).slice(0, 1 + imagesPerRound / batchSize);
  let start;
  for await (const _ of loader.batches(dataset, { order, epoch })) start ??= performance.now();
  return (1000 * imagesPerRound) / (performance.now() - start);
}

const part = (value) => value.toFixed(2);

export async function bench() {
  if (!existsSync(folder))
    return [{ what: 'loader', fovea: `${folder} is absent`, peer: '–', result: '–', target: '≥ 3×', met: undefined }];
  const dataset = flowers();
  const sample = dataset.pictures.files.filter((_, i) => i % 10 === 0);
  const peer = torchVersion() && new Hired(python, 'peers/loader.py', folder);
  await peer?.ready();
  const workerCounts = [...new Set([1, availableParallelism()])];
  const loaders = new Map(workerCounts.map((workers) => [workers, openLoader({ workers })]));
  const parts = [];
  const peerParts = [];
  const rates = new Map(workerCounts.map((workers) => [workers, { own: [], peer: [] }]));
  await timeParts(sample, -1);
  for (let round = 0; round < rounds; round++) {
    parts.push(await timeParts(sample, round));
    if (peer) peerParts.push(await peer.do({ kind: 'parts', images: sample.length }));
    for (const [workers, { own, peer: theirs }] of rates) {
      own.push(await imagesPerSecond(loaders.get(workers), dataset, round));
      if (peer) theirs.push((await peer.do({ kind: 'loader', workers, images: imagesPerRound })).imagesPerSecond);
    }
  }
  peer?.dismiss();
  for (const loader of loaders.values()) await loader.close();
  const middle = (list, key) => median(list.map((entry) => entry[key]));
  const row = (what, fovea, theirs, ratio) => ({
    what,
    fovea,
    peer: peer ? theirs : 'absent',
    result: peer ? `${times(ratio)} as fast` : '–',
    target: '≥ 3×',
    met: peer ? ratio >= 3 : undefined,
  });
  const [own, decode, write] = [middle(parts, 'all'), middle(parts, 'decode'), middle(parts, 'write')];
  const transform = own - middle(parts, 'open') - decode - write;
  return [
    row(
      'a picture through the training list of the course, one thread',
      `${part(own)} ms (decode ${part(decode)}, transform ${part(transform)}, write ${part(write)})`,
      peer && `${part(middle(peerParts, 'allMs'))} ms (decode ${part(middle(peerParts, 'decodeMs'))})`,
      peer && median(parts.map(({ all }, i) => peerParts[i].allMs / all)),
    ),
    ...[...rates].map(([workers, { own, peer: theirs }]) =>
      row(
        `loader, the same list, batch ${batchSize}, ${workers} ${workers === 1 ? 'worker' : 'workers'}`,
        `${median(own).toFixed(0)} images/s`,
        peer && `${median(theirs).toFixed(0)} images/s`,
        peer && median(own.map((rate, i) => rate / theirs[i])),
      ),
    ),
  ];
}
