// The course's whole project 1 from the command line: 3 epochs, all test images every 100 batches; time and accuracy for three seeds.
import { Hired } from './hired.mjs';
import { mnistFolder, trainMnist } from './mnist-run.mjs';
import { median, percent, seconds, times } from './numbers.mjs';
import { python, runPeer, threadChoices, torchVersion } from './peer.mjs';

const seeds = [0, 1, 2];

async function fasterThreads() {
  const peer = new Hired(python, 'peers/mnist_step.py');
  await peer.ready();
  const found = [];
  for (const threads of threadChoices) found.push({ threads, took: (await peer.do({ threads, steps: 60 })).msPerStep });
  peer.dismiss();
  return found.sort((a, b) => a.took - b.took)[0].threads;
}

export async function bench() {
  const threads = torchVersion() && (await fasterThreads());
  const runs = [trainMnist(seeds[0])];
  const peer = threads && runPeer('mnist_project1.py', [mnistFolder, threads, 'pictures']);
  const tensors = threads && runPeer('mnist_project1.py', [mnistFolder, threads, 'tensors']);
  for (const seed of seeds.slice(1)) runs.push(trainMnist(seed));
  const own = median(runs.map(({ took }) => took));
  const ratio = peer && peer.seconds / own;
  const worst = Math.min(...runs.map(({ accuracy }) => accuracy));
  return [
    {
      what: 'project 1, 3 epochs with evaluations, the course’s script',
      fovea: `${seconds(own)} (whole command)`,
      peer: peer ? `${seconds(peer.seconds)} (${threads} threads, without imports)` : 'absent',
      result: peer ? `${times(ratio)} as fast` : '–',
      target: '≥ 6×',
      met: peer ? ratio >= 6 : undefined,
    },
    {
      what: 'the same, the peer given tensors in memory',
      fovea: seconds(own),
      peer: tensors ? seconds(tensors.seconds) : 'absent',
      result: tensors ? `${times(tensors.seconds / own)} as fast` : '–',
      target: '–',
      met: undefined,
    },
    {
      what: `test accuracy after 3 epochs, seeds ${seeds.join(', ')}`,
      fovea: runs.map(({ accuracy }) => percent(accuracy, 2)).join(', '),
      peer: peer ? percent(peer.testAccuracy, 2) : 'absent',
      result: `${percent(worst, 2)} at least`,
      target: '≥ 98.8 %',
      met: worst >= 0.988,
    },
  ];
}
