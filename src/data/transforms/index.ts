export {
  catalogue as transformCatalogue,
  type TransformKind,
  type TransformList,
  type TransformName,
  type TransformSpec,
} from './catalogue.ts';
export { isDeterministic, parseTransforms, sampleShapeOf } from './parse.ts';
export * from './pipeline.ts';
export * from './presets.ts';
export type { Colour, ColourStep, GeometryStep, PadMode, ResizeFilter, Step, TensorStep } from './step.ts';
