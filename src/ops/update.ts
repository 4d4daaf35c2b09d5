import type { NumberArray } from '../core/ndarray.ts';
import { sizeOf } from '../core/shape.ts';
import type { TensorType } from '../graph/graph.ts';
import { type AccumulateStep, elementwiseKernel, type Lowering, type Ref } from '../graph/lowering.ts';
import type { InputSpec } from '../graph/op.ts';

/** Inputs that every optimizer step begins with. */
export const updateInputs: readonly InputSpec[] = [
  { name: 'parameter', doc: 'The parameter w, overwritten' },
  { name: 'gradient', doc: 'Its gradient g' },
  { name: 'lr', doc: 'Learning rate, a scalar', domain: 'positive', constant: true },
];

/** Last input of every optimizer step: the factor that gradient clipping found. */
export const gradientScaleInput: InputSpec = {
  name: 'gradientScale',
  doc: 'Factor on the gradient, a scalar; 1 if left out',
  domain: 'positive',
  optional: true,
  constant: true,
};

export const scaleOf = (scale: NumberArray | undefined): number => (scale ? scale[0] : 1);

/** Below this many elements one loop in TypeScript is faster than starting the primitives. */
const fewElements = 4096;

/** An optimizer step as passes over whole arrays, each on all cores; for a small parameter the record's own loop. */
export const updateLowering = (parameter: TensorType, passes: () => readonly AccumulateStep[]): Lowering =>
  sizeOf(parameter.shape) < fewElements ? elementwiseKernel(0) : passes();

interface Pass {
  /** Share of the target that stays. */
  readonly keep?: number;
  readonly by?: Ref;
  readonly times?: number;
}

/** target ← keep·target + times·(a·by) */
export const accumulate = (dst: Ref, a: Ref, { keep = 1, by, times = 1 }: Pass = {}): AccumulateStep => ({
  kind: 'accumulate',
  dst,
  keep,
  a,
  b: by,
  through: times === 1 ? [] : [{ algorithm: 'linear', alpha: times }],
});

const slope: Ref = { temp: 'slope' };

/** The gradient as an update takes it, scaled by clipping and with the decay's pull, and the passes that make it: often none. */
export function slopeOf({ gradient, scale, decay }: { gradient: Ref; scale: Ref | undefined; decay: number }): [Ref, AccumulateStep[]] {
  if (!scale && decay === 0) return [gradient, []];
  const passes = [accumulate(slope, gradient, { keep: 0, by: scale })];
  if (decay !== 0) passes.push(accumulate(slope, { in: 0 }, { times: decay }));
  return [slope, passes];
}
