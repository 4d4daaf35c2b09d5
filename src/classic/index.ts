export { bestOf, type CrossValidateOptions, crossValidate, type FoldScores } from './cross-validate.ts';
export { accuracyOf, type KnnMetric, knnMetrics, type NeighbourOptions, type Neighbours, nearestNeighbours, vote } from './knn.ts';
export { firstRows, type Rows, rowCountOf, rowOf, takeRows } from './rows.ts';
