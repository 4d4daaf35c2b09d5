export { type BackgroundCase, type BorderColour, borderColours, decidedByBackground } from './background.ts';
export { bestOf, type CrossValidateOptions, crossValidate, type FoldScores } from './cross-validate.ts';
export { accuracyOf, type KnnMetric, knnMetrics, type NeighbourOptions, type Neighbours, nearestNeighbours, vote } from './knn.ts';
export { type KnnStage, type KnnStudy, type KnnStudyOptions, type QueryTime, studyNeighbours } from './knn-study.ts';
export { readLevels } from './levels.ts';
export { defaultRates, type LinearEpoch, type LinearOptions, type LinearResult, trainLinear } from './linear.ts';
export { explainScores, type LinearModel, linearScores, type ScoreTerm, squaredWeights } from './linear-scores.ts';
export {
  type LinearLoss,
  type LinearObjective,
  type LinearStepOptions,
  linearEvaluationGraph,
  linearLosses,
  linearStepGraph,
} from './linear-step.ts';
export { firstRows, type LabelledRows, type Rows, rowCountOf, rowOf, takeRows } from './rows.ts';
export { weightTemplate } from './template.ts';
