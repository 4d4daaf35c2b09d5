// Declarations that a package emits from its use of this one can name the types of core only through an index that is loaded.
export type {} from '../core/index.ts';
export * from './attach.ts';
export * from './schedules.ts';
export * from './spec.ts';
