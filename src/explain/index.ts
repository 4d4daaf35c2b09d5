export { type ComputeOptions, compute } from './compute.ts';
export type { Depth } from './depth.ts';
export { type ExplainOptions, explainValue } from './explain-value.ts';
export type * from './explanation.ts';
export { type ExplanationTextOptions, formatExplanation } from './explanation-text.ts';
export type { FieldAxis, ReceptiveField } from './receptive-field.ts';
export { type LayerSummary, type Summary, summarize } from './summary.ts';
export { summaryColumns } from './summary-table.ts';
export { formatSummary } from './summary-text.ts';
