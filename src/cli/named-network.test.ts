import { expect, it } from 'vitest';
import { namedNetwork } from './named-network.ts';

it.each([
  ['trained for ImageNet', { network: 'squeezenet1_0', weights: 'numbers.pth' }, 'tench'],
  ['fresh', { network: 'squeezenet1_0' }, undefined],
  ['of other classes', { network: 'squeezenet1_0', weights: 'numbers.pth', classes: 10 }, undefined],
  ['never trained for ImageNet', { network: 'course-cnn', weights: 'numbers.pth', classes: 1000 }, undefined],
])('names the classes of a model %s', async (_, choice, first) => {
  expect((await namedNetwork(choice)).classNames[0]).toBe(first);
});
