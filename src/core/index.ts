export * from './argmax.ts';
export * from './errors.ts';
export * from './ndarray.ts';
export * from './rng.ts';
export * from './shape.ts';
