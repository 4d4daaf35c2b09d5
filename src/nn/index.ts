// Declarations that a package emits from its use of this one can name the types of core only through an index that is loaded.
export type {} from '../core/index.ts';
export * from './init.ts';
export * from './layers.ts';
export * from './losses.ts';
export * from './module.ts';
