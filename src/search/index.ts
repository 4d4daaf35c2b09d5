export * from './features.ts';
export * from './nearest-rows.ts';
export * from './penultimate.ts';
export { type IndexReport, type SearchNetwork, searchTransforms } from './picture-index.ts';
export type { IndexOptions } from './read-features.ts';
export * from './search.ts';
