export * from './attrs.ts';
export * from './gradient.ts';
export * from './graph.ts';
export * from './lowering.ts';
export * from './op.ts';
export * from './print.ts';
export * from './tensor.ts';
export * from './verify.ts';
