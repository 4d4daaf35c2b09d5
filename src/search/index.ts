export { indexFileName } from '../data/list-pictures.ts';
export { type DatasetFeatures, type DatasetFeaturesOptions, datasetFeatures } from './dataset-features.ts';
export { Embedder, type EmbedderOptions } from './embedder.ts';
export { featureGraph } from './features.ts';
export { mostSimilar, type Similar } from './most-similar.ts';
export { type IndexReport, type OpenIndexOptions, openIndex, type PictureIndex } from './picture-index.ts';
export { type SearchOptions, type SearchResult, search } from './search.ts';
