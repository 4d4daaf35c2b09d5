export * from './idx.ts';
export * from './npy.ts';
export * from './pickle.ts';
export * from './pth/pth.ts';
export * from './safetensors.ts';
