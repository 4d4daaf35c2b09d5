export * from './eliminate.ts';
export * from './fold.ts';
export * from './fuse.ts';
export * from './plan-memory.ts';
export * from './split.ts';
export * from './step.ts';
