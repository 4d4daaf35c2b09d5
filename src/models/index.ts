import { alexnetModels } from './alexnet.ts';
import { densenetModels } from './densenet.ts';
import { inceptionModels } from './inception.ts';
import { courseCnn } from './mnist-cnn.ts';
import { defineModel } from './registry.ts';
import { resnetModels } from './resnet.ts';
import { squeezenetModels } from './squeezenet.ts';
import { vggModels } from './vgg.ts';

export * from './alexnet.ts';
export * from './densenet.ts';
export * from './freeze.ts';
export * from './imagenet-classes.ts';
export * from './inception.ts';
export * from './initialize.ts';
export * from './mnist-cnn.ts';
export * from './registry.ts';
export * from './resnet.ts';
export * from './squeezenet.ts';
export * from './vgg.ts';
export * from './weights.ts';

const families = [[courseCnn], alexnetModels, vggModels, resnetModels, squeezenetModels, densenetModels, inceptionModels];
for (const spec of families.flat()) defineModel(spec);
