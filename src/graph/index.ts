// Declarations that a package emits from its use of this one can name the types of core only through an index that is loaded.
export type {} from '../core/index.ts';
export * from './attrs.ts';
export * from './gradient.ts';
export * from './graph.ts';
export * from './lowering.ts';
export * from './op.ts';
export * from './print.ts';
export * from './tensor.ts';
export * from './verify.ts';
