// Test accuracy of project 1 for ten seeds, PyTorch's with the same recipe beside it: how much of it is chance.
import { mnistFolder, trainMnist } from './mnist-run.mjs';
import { mean, percent } from './numbers.mjs';
import { runPeer, threadChoices, torchVersion } from './peer.mjs';

const seeds = Array.from({ length: 10 }, (_, seed) => seed);

/** The mean with the standard deviation of one run, then all. */
function told(accuracies) {
  const middle = mean(accuracies);
  const spread = Math.sqrt(accuracies.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (accuracies.length - 1));
  return `${percent(middle, 2)} ± ${percent(spread, 2)}: ${accuracies.map((value) => (100 * value).toFixed(2)).join(' ')}`;
}

export async function bench() {
  const own = seeds.map((seed) => trainMnist(seed, ['--eval-every', '0']).accuracy);
  const peer = torchVersion() && runPeer('mnist_seeds.py', [mnistFolder, threadChoices.at(-1), ...seeds]);
  const difference = peer && mean(own) - mean(peer);
  return [
    {
      what: 'test accuracy after 3 epochs, seeds 0 to 9',
      fovea: told(own),
      peer: peer ? told(peer) : 'absent',
      result: peer ? `${percent(Math.abs(difference), 2)} ${difference < 0 ? 'lower' : 'higher'} on average` : '–',
      target: '–',
      met: undefined,
    },
  ];
}
