import type { Shape } from '../../core/shape.ts';
import type { AccumulateStep, ConcatStep, KernelStep, Operand, SliceStep, Step, ViewStep } from '../../graph/lowering.ts';
import { ALGORITHM, ARG, type Ingredients, type Kind, PROP, type VersionNumbers } from './binding.ts';

/** Steps that are one oneDNN primitive with a table row below; the others are planned by hand. */
export type PrimitiveStep = Exclude<Step, AccumulateStep | ConcatStep | SliceStep | ViewStep | KernelStep>;

/** An operand of a primitive: the step's field, the ingredient its layout is, and the execution argument it is passed as. */
export interface Place {
  readonly field: string;
  readonly ingredient?: keyof Ingredients;
  readonly arg: number;
}

export interface PrimitiveRow {
  readonly kind: Kind;
  readonly reads: readonly Place[];
  readonly writes: readonly Place[];
  /** Which operands may be left to the primitive; the others lie as they are. */
  readonly chooses: boolean;
  /** The forward row a backward primitive takes its hint from. */
  readonly hint?: string;
}

const place = (field: string, ingredient: keyof Ingredients | undefined, arg: number): Place => ({ field, ingredient, arg });
const { src, src1, dst, weights, bias, mean, variance, scale, shift, workspace, diffSrc, diffDst, diffWeights, diffBias } = ARG;

const forwardLayer = (kind: Kind): PrimitiveRow => ({
  kind,
  reads: [place('src', 'src', src), place('weights', 'weights', weights), place('bias', 'bias', bias)],
  writes: [place('dst', 'dst', dst)],
  chooses: true,
});
const backwardData = (kind: Kind, hint: string): PrimitiveRow => ({
  kind,
  reads: [place('weights', 'weights', weights), place('dst', 'dst', diffDst)],
  writes: [place('src', 'src', diffSrc)],
  chooses: true,
  hint,
});
const backwardWeights = (kind: Kind, hint: string): PrimitiveRow => ({
  kind,
  reads: [place('src', 'src', src), place('dst', 'dst', diffDst)],
  writes: [place('weights', 'weights', diffWeights), place('bias', 'bias', diffBias)],
  chooses: true,
  hint,
});
const statistics = [place('mean', undefined, mean), place('variance', undefined, variance)];
const affine = [place('scale', undefined, scale), place('shift', undefined, shift)];
const data = place('src', 'src', src);
const result = place('dst', 'dst', dst);
const work = place('workspace', undefined, workspace);

const forward = (kind: Kind, reads: readonly Place[], writes: readonly Place[]): PrimitiveRow => ({ kind, reads, writes, chooses: false });
const backward = (kind: Kind, hint: string, reads: readonly Place[], writes: readonly Place[]): PrimitiveRow => ({
  kind,
  reads,
  writes,
  chooses: false,
  hint,
});

/** What each step kind and direction reads and writes, in oneDNN's arguments. */
export const ROWS: Readonly<Record<string, PrimitiveRow>> = {
  'convolution.forward': forwardLayer('convolution.forward'),
  'convolution.backwardData': backwardData('convolution.backwardData', 'convolution.forward'),
  'convolution.backwardWeights': backwardWeights('convolution.backwardWeights', 'convolution.forward'),
  'innerProduct.forward': forwardLayer('innerProduct.forward'),
  'innerProduct.backwardData': backwardData('innerProduct.backwardData', 'innerProduct.forward'),
  'innerProduct.backwardWeights': backwardWeights('innerProduct.backwardWeights', 'innerProduct.forward'),
  'pooling.forward': forward('pooling.forward', [data], [result, work]),
  'pooling.inference': forward('pooling.forward', [data], [result]),
  'pooling.backward': backward('pooling.backward', 'pooling.forward', [place('dst', 'dst', diffDst), work], [place('src', 'src', diffSrc)]),
  'batchNorm.forward': forward('batchNorm.forward', [data, ...affine], [result, ...statistics, work]),
  'batchNorm.inference': forward('batchNorm.forward', [data, ...affine, ...statistics], [result]),
  'batchNorm.backward': backward(
    'batchNorm.backward',
    'batchNorm.forward',
    [data, place('dst', 'diffDst', diffDst), ...statistics, ...affine, work],
    [place('diffSrc', 'diffSrc', diffSrc), place('diffScale', undefined, ARG.diffScale), place('diffShift', undefined, ARG.diffShift)],
  ),
  'eltwise.forward': forward('eltwise.forward', [data], [result]),
  'eltwise.backward': backward(
    'eltwise.backward',
    'eltwise.forward',
    [data, place('dst', 'diffDst', diffDst)],
    [place('diffSrc', 'diffSrc', diffSrc)],
  ),
  'softmax.forward': forward('softmax.forward', [data], [result]),
  'softmax.backward': backward(
    'softmax.backward',
    'softmax.forward',
    [result, place('diffDst', 'diffDst', diffDst)],
    [place('diffSrc', 'diffSrc', diffSrc)],
  ),
  'binary.forward': forward('binary.forward', [place('a', 'src', src), place('b', 'src1', src1)], [result]),
};

export const rowOf = (step: PrimitiveStep): PrimitiveRow => ROWS[`${step.kind}.${'direction' in step ? step.direction : 'forward'}`];

export const operandOf = (step: PrimitiveStep, field: string): Operand | undefined =>
  (step as unknown as Readonly<Record<string, Operand | undefined>>)[field];

type Settings = Partial<Ingredients> & { strides?: Shape };

/** The settings of a step that are not layouts, in oneDNN's numbers. */
export function settingsOf(step: PrimitiveStep, numbers: VersionNumbers): Settings {
  const prop = 'direction' in step && step.direction in PROP ? PROP[step.direction as keyof typeof PROP] : PROP.forward;
  switch (step.kind) {
    case 'convolution': {
      const { strides, dilation, padBegin, padEnd } = step;
      return { prop, algorithm: ALGORITHM.convolution, strides, dilation, padBegin, padEnd };
    }
    case 'innerProduct':
      return { prop };
    case 'pooling': {
      const { strides, padBegin, padEnd, kernel, algorithm } = step;
      return { prop, algorithm: ALGORITHM[algorithm], strides, kernel, dilation: kernel.map(() => 1), padBegin, padEnd };
    }
    case 'batchNorm': {
      const { globalStats, scale, shift, relu } = numbers.normFlags;
      const flags = scale | shift | (step.activation === 'relu' ? relu : 0) | (step.direction === 'inference' ? globalStats : 0);
      return { prop, epsilon: step.epsilon, flags };
    }
    case 'eltwise':
      return { prop, algorithm: numbers.eltwise[step.algorithm], alpha: step.alpha ?? 0, beta: step.beta ?? 0 };
    case 'softmax':
      return { prop, algorithm: step.logarithm ? ALGORITHM.logSoftmax : ALGORITHM.softmax, axis: step.axis };
    case 'binary':
      return { algorithm: ALGORITHM[step.algorithm] };
  }
}
