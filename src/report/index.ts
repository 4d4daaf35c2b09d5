export * from './confusion-matrix.ts';
export * from './csv.ts';
export * from './curves.ts';
export * from './mosaic.ts';
export * from './outcomes.ts';
export * from './render.ts';
export * from './run-folder.ts';
export * from './tiles.ts';
