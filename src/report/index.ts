export * from './confusion-matrix.ts';
export * from './csv.ts';
export * from './curves.ts';
export * from './fold-chart.ts';
export * from './mosaic.ts';
export * from './neighbours.ts';
export * from './render.ts';
export * from './run-folder.ts';
