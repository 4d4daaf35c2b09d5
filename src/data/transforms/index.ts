// Declarations that a package emits from its use of this one can name the types of core and data only through an index that is loaded.
export type {} from '../../core/index.ts';
export type {} from '../index.ts';
export {
  catalogue as transformCatalogue,
  type TransformKind,
  type TransformList,
  type TransformName,
  type TransformRecord,
  type TransformSpec,
} from './catalogue.ts';
export { isDeterministic, parseTransforms, sampleShapeOf } from './parse.ts';
export * from './pipeline.ts';
export * from './presets.ts';
export type { Colour, ColourStep, GeometryStep, PadMode, ResizeFilter, Step, TensorStep } from './step.ts';
