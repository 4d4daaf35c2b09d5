export * from './idx.ts';
export * from './npy.ts';
export * from './safetensors.ts';
