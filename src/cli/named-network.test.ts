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

it.each([
  // torchvision 0.14: Inception_V3_Weights.IMAGENET1K_V1.transforms() and the builder's transform_input.
  ['inception_v3', 'numbers.pth', [342, 299], true],
  ['inception_v3', undefined, [341, 299], false],
  ['resnet18', 'numbers.pth', [256, 224], undefined],
])('prepares pictures as the weights of a model want it: %s, %s', async (network, weights, sizes, transformInput) => {
  const { preprocessing, module } = await namedNetwork({ network, weights });
  expect(preprocessing!.flatMap((step) => ('size' in step ? [step.size] : []))).toEqual(sizes);
  expect((module as { transformInput?: boolean }).transformInput).toBe(transformInput);
});
