import { courseCnn } from './mnist-cnn.ts';
import { defineModel } from './registry.ts';

export * from './mnist-cnn.ts';
export * from './registry.ts';

for (const spec of [courseCnn]) defineModel(spec);
