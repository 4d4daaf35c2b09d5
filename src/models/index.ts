import { alexnetModels } from './alexnet.ts';
import { courseCnn } from './course-cnn.ts';
import { densenetModels } from './densenet.ts';
import { inceptionModels } from './inception.ts';
import { defineModel } from './registry.ts';
import { resnetModels } from './resnet.ts';
import { squeezenetModels } from './squeezenet.ts';
import { vggModels } from './vgg.ts';

// Declarations that a package emits from its use of this one can name the types of core only through an index that is loaded.
export type {} from '../core/index.ts';
export * from './alexnet.ts';
export * from './course-cnn.ts';
export * from './densenet.ts';
export * from './freeze.ts';
export * from './imagenet-classes.ts';
export * from './inception.ts';
export { type Branch, type BranchConvolution, type BranchStep, branchBlocks } from './inception-blocks.ts';
export * from './initialize.ts';
export * from './named-sequential.ts';
export * from './registry.ts';
export * from './resnet.ts';
export * from './squeezenet.ts';
export * from './vgg.ts';
export * from './weights.ts';

const families = [[courseCnn], alexnetModels, vggModels, resnetModels, squeezenetModels, densenetModels, inceptionModels];
for (const spec of families.flat()) defineModel(spec);
