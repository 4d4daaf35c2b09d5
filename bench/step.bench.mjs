// One training step of the course's CNN: against PyTorch, and against the sum of its own primitives. Both take turns, so noise hits both.
// Against PyTorch a round's whole time counts, since some of its steps take several times the others; against the primitives, whose times are
// medians, the median step.
import { batches, openCourse, timeSteps } from './course.mjs';
import { Hired } from './hired.mjs';
import { mean, median, ms, times } from './numbers.mjs';
import { python, threadChoices, torchVersion } from './peer.mjs';

const rounds = 7;
const stepsPerRound = 150;
const peerSteps = 30;

async function measure() {
  const course = await openCourse();
  const peer = torchVersion() && new Hired(python, 'peers/mnist_step.py');
  await peer?.ready();
  await timeSteps(course.step, batches(50));
  const { value: batch } = await batches(1).next();
  const own = [];
  const ownMedian = [];
  const primitives = [];
  const kernels = [];
  const peers = new Map(threadChoices.map((threads) => [threads, []]));
  for (let round = 0; round < rounds; round++) {
    const took = await timeSteps(course.step, batches(stepsPerRound));
    own.push(mean(took));
    ownMedian.push(median(took));
    const steps = await course.profile(batch, stepsPerRound);
    const sum = (list) => list.reduce((total, { ms }) => total + ms, 0);
    primitives.push(sum(steps.filter(({ implementation }) => implementation !== 'typescript')));
    kernels.push(sum(steps.filter(({ implementation }) => implementation === 'typescript')));
    if (peer) for (const [threads, list] of peers) list.push((await peer.do({ threads, steps: peerSteps })).msPerStep);
  }
  peer?.dismiss();
  await course.close();
  return { own, ownMedian, primitives, kernels, peers, hasPeer: Boolean(peer) };
}

export async function bench() {
  const { own, ownMedian, primitives, kernels, peers, hasPeer } = await measure();
  const [threads, best] = [...peers].sort((a, b) => median(a[1]) - median(b[1]))[0];
  const ratio = hasPeer ? median(best.map((value, i) => value / own[i])) : undefined;
  const overhead = median(ownMedian.map((value, i) => value / primitives[i]));
  return [
    {
      what: 'training step, batch 64, a round’s time over its steps',
      fovea: ms(median(own)),
      peer: hasPeer ? `${ms(median(best))} (${threads} threads)` : 'absent',
      result: hasPeer ? `${times(ratio)} as fast` : '–',
      target: '≥ 7×',
      met: hasPeer ? ratio >= 7 : undefined,
    },
    {
      what: 'median step over the sum of its primitives',
      fovea: `${ms(median(ownMedian))} over ${ms(median(primitives))}, kernels in TypeScript ${ms(median(kernels))}`,
      peer: '–',
      result: times(overhead),
      target: '≤ 1.25×',
      met: overhead <= 1.25,
    },
  ];
}
